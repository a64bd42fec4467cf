//! The nearest option is named.

use memclient::CacheValue;
use serde::{Deserialize, Serialize};

#[derive(CacheValue, Clone, Deserialize, Serialize)]
#[cache(versoin = 2)]
struct User(u64);

fn main() {}
