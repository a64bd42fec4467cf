use memclient::cached;

struct Shop;

impl Shop {
    #[cached(skip(self), entry = "price_entry")]
    fn price(&self, article: u64) -> u64 {
        article
    }
}

fn main() {}
