//! An entity is a type.

use memclient::CacheValue;
use serde::{Deserialize, Serialize};

#[derive(CacheValue, Clone, Deserialize, Serialize)]
struct User {
    #[cache(entity(key = id))]
    id: u64,
}

fn main() {}
