use memclient::CacheKey;

struct Foreign;

#[derive(CacheKey)]
struct Page<T> {
    of: T,
}

fn key(_: impl CacheKey) {}

fn usage() {
    key(Page { of: Foreign });
}

fn main() {}
