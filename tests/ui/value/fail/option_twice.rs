use memclient::CacheValue;
use serde::{Deserialize, Serialize};

#[derive(CacheValue, Clone, Deserialize, Serialize)]
#[cache(version = 1)]
#[cache(version = 2)]
struct User {
    id: u64,
}

fn main() {}
