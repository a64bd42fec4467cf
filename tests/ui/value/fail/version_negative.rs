//! Versions begin at 0.

use memclient::CacheValue;
use serde::{Deserialize, Serialize};

#[derive(CacheValue, Clone, Deserialize, Serialize)]
#[cache(version = -1)]
struct User(u64);

fn main() {}
