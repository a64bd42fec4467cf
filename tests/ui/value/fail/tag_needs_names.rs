//! bincode cannot tell by a tag which variant comes.

use memclient::CacheValue;
use serde::{Deserialize, Serialize};

#[derive(CacheValue, Clone, Deserialize, Serialize)]
#[serde(tag = "kind")]
enum State {
    Open { since: u64 },
}

fn main() {}
