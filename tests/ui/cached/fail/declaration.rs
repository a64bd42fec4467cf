use memclient::cached;

trait Shop {
    #[cached(skip(self))]
    fn price(&self, article: u64) -> u64;
}

fn main() {}
