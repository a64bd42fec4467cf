use memclient::CacheKey;

#[derive(CacheKey)]
struct Query {
    text: String,
    #[cache(skip = true)]
    trace: u64,
}

fn main() {}
