//! A key has no spaces.

use memclient::CacheKey;

#[derive(CacheKey)]
enum Sort {
    #[cache(rename = "the newest")]
    Newest,
}

fn main() {}
