//! A name is text.

use memclient::CacheKey;

#[derive(CacheKey)]
enum Sort {
    #[cache(rename = newest)]
    Newest,
}

fn main() {}
