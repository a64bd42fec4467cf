//! A type without the option is not compressed.

use memclient::CacheValue;
use serde::{Deserialize, Serialize};

#[derive(CacheValue, Clone, Deserialize, Serialize)]
#[cache(compress = "none")]
struct User(String);

fn main() {}
