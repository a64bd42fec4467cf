//! The nearest format is named.

use memclient::CacheValue;
use serde::{Deserialize, Serialize};

#[derive(CacheValue, Clone, Deserialize, Serialize)]
#[cache(codec = "jsn")]
struct User(u64);

fn main() {}
