use memclient::CacheValue;

#[derive(CacheValue, Clone)]
struct User {
    id: u64,
}

fn main() {}
