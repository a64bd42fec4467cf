//! A key is a field, and not an expression.

use memclient::CacheValue;
use serde::{Deserialize, Serialize};

#[derive(CacheValue, Clone, Deserialize, Serialize)]
#[cache(entity(key = "id"))]
struct User {
    id: u64,
}

fn main() {}
