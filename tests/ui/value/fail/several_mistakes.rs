//! One build shows all of them.

use memclient::CacheValue;
use serde::{Deserialize, Serialize};

#[derive(CacheValue, Clone, Deserialize, Serialize)]
#[cache(versoin = 2, codec = "xml")]
struct User {
    #[cache(opaqe)]
    name: String,
}

fn main() {}
