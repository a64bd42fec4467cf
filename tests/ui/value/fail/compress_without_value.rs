//! A compression has a name.

use memclient::CacheValue;
use serde::{Deserialize, Serialize};

#[derive(CacheValue, Clone, Deserialize, Serialize)]
#[cache(compress)]
struct User(String);

fn main() {}
