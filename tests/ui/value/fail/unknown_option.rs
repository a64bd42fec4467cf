use memclient::CacheValue;
use serde::{Deserialize, Serialize};

#[derive(CacheValue, Clone, Deserialize, Serialize)]
#[cache(ttl = "10m")]
struct User {
    id: u64,
}

fn main() {}
