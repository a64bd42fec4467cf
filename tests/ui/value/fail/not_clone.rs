use memclient::CacheValue;
use serde::{Deserialize, Serialize};

#[derive(CacheValue, Deserialize, Serialize)]
struct User {
    id: u64,
}

fn main() {}
