//! A value has one format.

use memclient::CacheValue;
use serde::{Deserialize, Serialize};

#[derive(CacheValue, Clone, Deserialize, Serialize)]
#[cache(codec = "json")]
#[cache(codec = "bincode")]
struct User(u64);

fn main() {}
