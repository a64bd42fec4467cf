use memclient::CacheKey;

#[derive(CacheKey)]
#[cache(skip)]
struct Query {
    text: String,
}

fn main() {}
