use memclient::cached;

struct Shop;

impl Shop {
    #[cached(skip(self), refresh = "background")]
    async fn price(&self, article: u64) -> u64 {
        article
    }
}

fn main() {}
