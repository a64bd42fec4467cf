//! A format is named by text.

use memclient::CacheValue;
use serde::{Deserialize, Serialize};

#[derive(CacheValue, Clone, Deserialize, Serialize)]
#[cache(codec = json)]
struct User(u64);

fn main() {}
