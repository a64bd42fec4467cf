use memclient::cached;

struct Shop;

impl Shop {
    #[cached]
    fn price(article: u64) -> u64 {
        article
    }
}

fn main() {}
