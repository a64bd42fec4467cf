use memclient::CacheKey;

struct Foreign;

#[derive(CacheKey)]
struct Query {
    text: String,
    foreign: Foreign,
}

fn main() {}
