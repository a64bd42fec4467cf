use memclient::CacheKey;

#[derive(CacheKey)]
enum Query {
    #[cache(skip)]
    All,
    One(u64),
}

fn main() {}
