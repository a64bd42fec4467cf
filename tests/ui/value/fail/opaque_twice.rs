//! Once is enough.

use memclient::CacheValue;
use serde::{Deserialize, Serialize};

#[derive(CacheValue, Clone, Deserialize, Serialize)]
struct User {
    #[cache(opaque, opaque)]
    name: String,
}

fn main() {}
