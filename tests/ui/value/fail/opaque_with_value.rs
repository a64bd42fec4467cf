//! It takes no value.

use memclient::CacheValue;
use serde::{Deserialize, Serialize};

#[derive(CacheValue, Clone, Deserialize, Serialize)]
struct User {
    #[cache(opaque = "String")]
    name: String,
}

fn main() {}
