//! bincode cannot try variants.

use memclient::CacheValue;
use serde::{Deserialize, Serialize};

#[derive(CacheValue, Clone, Deserialize, Serialize)]
#[serde(untagged)]
enum State {
    Open(u64),
}

fn main() {}
