//! An entity says which field is its key.

use memclient::CacheValue;
use serde::{Deserialize, Serialize};

#[derive(CacheValue, Clone, Deserialize, Serialize)]
#[cache(entity)]
struct User {
    id: u64,
}

fn main() {}
