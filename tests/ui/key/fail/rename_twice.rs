//! One name is enough.

use memclient::CacheKey;

#[derive(CacheKey)]
enum Sort {
    #[cache(rename = "new")]
    #[cache(rename = "newer")]
    Newest,
}

fn main() {}
