//! A format belongs on the type.

use memclient::CacheValue;
use serde::{Deserialize, Serialize};

#[derive(CacheValue, Clone, Deserialize, Serialize)]
enum State {
    #[cache(codec = "json")]
    Open,
}

fn main() {}
