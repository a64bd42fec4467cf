use memclient::CacheKey;

#[derive(CacheKey)]
struct Query {
    text: String,
    #[cache(skipp)]
    trace: u64,
}

fn main() {}
