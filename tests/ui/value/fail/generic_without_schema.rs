//! A generic type is a value where its argument is one.

use memclient::{Cache, CacheValue};
use serde::{Deserialize, Serialize};

#[derive(Clone, Deserialize, Serialize)]
struct Foreign;

#[derive(CacheValue, Clone, Deserialize, Serialize)]
struct Page<T> {
    items: Vec<T>,
}

fn main() {
    let cache = Cache::builder().build().unwrap();
    cache.typed::<Page<Foreign>>("page");
}
