//! Two variants would be one key.

use memclient::CacheKey;

#[derive(CacheKey)]
enum Sort {
    Newest,
    #[cache(rename = "Newest")]
    Latest,
}

fn main() {}
