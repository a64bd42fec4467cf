//! What is kept in a cache is owned.

use memclient::Cache;

fn main() {
    let cache = Cache::builder().build().unwrap();
    cache.typed::<&'static str>("name");
}
