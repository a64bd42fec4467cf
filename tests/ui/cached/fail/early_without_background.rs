use memclient::cached;

#[cached(ttl = "1m", early = true, timeout = "1s")]
async fn double(number: u32) -> u32 {
    number * 2
}

fn main() {}
