//! What is kept in a cache derives `CacheValue`.

use memclient::Cache;

#[derive(Clone)]
struct User;

fn main() {
    let cache = Cache::builder().build().unwrap();
    cache.typed::<User>("user");
}
