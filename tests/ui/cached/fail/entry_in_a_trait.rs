use memclient::cached;

trait Prices {
    fn price(&self, article: u64) -> u64;
}

struct Shop;

impl Prices for Shop {
    #[cached(skip(self), entry = price_entry)]
    fn price(&self, article: u64) -> u64 {
        article
    }
}

fn main() {}
