//! A path has no quotes.

use memclient::CacheValue;
use serde::{Deserialize, Serialize};

#[derive(CacheValue, Clone, Deserialize, Serialize)]
#[cache(crate = "memclient")]
struct User(u64);

fn main() {}
