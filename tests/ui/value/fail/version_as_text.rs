use memclient::CacheValue;
use serde::{Deserialize, Serialize};

#[derive(CacheValue, Clone, Deserialize, Serialize)]
#[cache(version = "two")]
struct User {
    id: u64,
}

fn main() {}
