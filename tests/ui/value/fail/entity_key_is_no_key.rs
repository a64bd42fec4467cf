//! The field must be a cache key.

use memclient::CacheValue;
use serde::{Deserialize, Serialize};

#[derive(CacheValue, Clone, Deserialize, Serialize)]
#[cache(entity(key = id))]
struct User {
    id: Id,
}

#[derive(CacheValue, Clone, Deserialize, Serialize)]
struct Id(u64);

fn main() {}
