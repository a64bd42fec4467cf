//! An enum has no field that is always there.

use memclient::CacheValue;
use serde::{Deserialize, Serialize};

#[derive(CacheValue, Clone, Deserialize, Serialize)]
#[cache(entity(key = id))]
enum User {
    Known { id: u64 },
    Guest,
}

fn main() {}
