//! A field is left out once.

use memclient::CacheKey;

#[derive(CacheKey)]
struct Page {
    #[cache(skip, skip)]
    path: String,
}

fn main() {}
