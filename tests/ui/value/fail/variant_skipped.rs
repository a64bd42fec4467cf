//! Every variant behind a skipped one would be read as its neighbour.

use memclient::CacheValue;
use serde::{Deserialize, Serialize};

#[derive(CacheValue, Clone, Deserialize, Serialize)]
enum State {
    #[serde(skip)]
    Local,
    Open,
    Closed,
}

fn main() {}
