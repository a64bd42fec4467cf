use memclient::cached;

struct Shop {
    tenant: String,
}

impl Shop {
    #[cached(ttl = "1m")]
    fn price(&self, article: u64) -> u64 {
        article
    }
}

fn main() {}
