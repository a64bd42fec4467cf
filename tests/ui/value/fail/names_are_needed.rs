use memclient::CacheValue;
use serde::{Deserialize, Serialize};

#[derive(CacheValue, Clone, Deserialize, Serialize)]
struct User {
    #[serde(skip_serializing_if = "Option::is_none", default)]
    name: Option<String>,
    id: u64,
}

fn main() {}
