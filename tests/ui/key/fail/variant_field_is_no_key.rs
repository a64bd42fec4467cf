use memclient::CacheKey;

struct Foreign;

#[derive(CacheKey)]
enum Query {
    Text(String),
    Foreign(Foreign),
}

fn main() {}
