//! A version is a number.

use memclient::CacheValue;
use serde::{Deserialize, Serialize};

#[derive(CacheValue, Clone, Deserialize, Serialize)]
#[cache(version)]
struct User(u64);

fn main() {}
