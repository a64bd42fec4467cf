//! A format has a name.

use memclient::CacheValue;
use serde::{Deserialize, Serialize};

#[derive(CacheValue, Clone, Deserialize, Serialize)]
#[cache(codec)]
struct User(u64);

fn main() {}
