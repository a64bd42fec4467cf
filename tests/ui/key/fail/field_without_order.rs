//! A map without an order has no key.

use memclient::CacheKey;

#[derive(CacheKey)]
struct Page {
    query: std::collections::HashMap<String, String>,
}

fn main() {}
