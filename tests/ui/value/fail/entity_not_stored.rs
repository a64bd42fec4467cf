//! A key that is not stored would come back as another.

use memclient::CacheValue;
use serde::{Deserialize, Serialize};

#[derive(CacheValue, Clone, Deserialize, Serialize)]
#[cache(entity(key = id))]
struct User {
    #[serde(skip)]
    id: u64,
}

fn main() {}
