//! An entity has one option.

use memclient::CacheValue;
use serde::{Deserialize, Serialize};

#[derive(CacheValue, Clone, Deserialize, Serialize)]
#[cache(entity(kye = id))]
struct User {
    id: u64,
}

fn main() {}
