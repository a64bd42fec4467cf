//! A version belongs on the type.

use memclient::CacheValue;
use serde::{Deserialize, Serialize};

#[derive(CacheValue, Clone, Deserialize, Serialize)]
struct User {
    #[cache(version = 2)]
    name: String,
}

fn main() {}
