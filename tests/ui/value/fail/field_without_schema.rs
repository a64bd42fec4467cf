use memclient::CacheValue;
use serde::{Deserialize, Serialize};

#[derive(Clone, Deserialize, Serialize)]
struct Foreign(u32);

#[derive(CacheValue, Clone, Deserialize, Serialize)]
struct User {
    id: u64,
    foreign: Foreign,
}

fn main() {}
