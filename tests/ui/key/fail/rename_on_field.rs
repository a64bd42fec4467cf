//! Fields have no names in keys.

use memclient::CacheKey;

#[derive(CacheKey)]
struct Page {
    #[cache(rename = "p")]
    path: String,
}

fn main() {}
