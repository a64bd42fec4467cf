//! bincode cannot tell fields apart.

use memclient::CacheValue;
use serde::{Deserialize, Serialize};

#[derive(CacheValue, Clone, Deserialize, Serialize)]
struct User {
    #[serde(flatten)]
    rest: std::collections::BTreeMap<String, u64>,
}

fn main() {}
