//! The key of an entity is one of its fields.

use memclient::CacheValue;
use serde::{Deserialize, Serialize};

#[derive(CacheValue, Clone, Deserialize, Serialize)]
#[cache(entity(key = (org, idd)))]
struct User {
    org: u32,
    id: u64,
}

fn main() {}
