use memclient::cached;

#[cached(grace = "1h", soft_timeout = "500us")]
async fn double(number: u32) -> u32 {
    number * 2
}

fn main() {}
