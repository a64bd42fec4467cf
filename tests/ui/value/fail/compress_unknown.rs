//! There are three compressions.

use memclient::CacheValue;
use serde::{Deserialize, Serialize};

#[derive(CacheValue, Clone, Deserialize, Serialize)]
#[cache(compress = "gzip")]
struct User(String);

fn main() {}
