//! There is one option for a variant.

use memclient::CacheValue;
use serde::{Deserialize, Serialize};

#[derive(CacheValue, Clone, Deserialize, Serialize)]
enum State {
    #[cache(ttl = "1m")]
    Open,
}

fn main() {}
