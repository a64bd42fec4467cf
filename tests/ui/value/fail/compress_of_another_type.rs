//! An expression is a `Compression`.

use memclient::CacheValue;
use serde::{Deserialize, Serialize};

#[derive(CacheValue, Clone, Deserialize, Serialize)]
#[cache(compress = 6)]
struct User(String);

fn main() {}
