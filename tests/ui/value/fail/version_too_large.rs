//! A version has 32 bits.

use memclient::CacheValue;
use serde::{Deserialize, Serialize};

#[derive(CacheValue, Clone, Deserialize, Serialize)]
#[cache(version = 4294967296)]
struct User(u64);

fn main() {}
