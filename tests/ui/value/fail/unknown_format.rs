use memclient::CacheValue;
use serde::{Deserialize, Serialize};

#[derive(CacheValue, Clone, Deserialize, Serialize)]
#[cache(codec = "xml")]
struct User {
    id: u64,
}

fn main() {}
