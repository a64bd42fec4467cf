use memclient::cached;

#[cached(ttl = "10m", none = "1h")]
fn half(number: u32) -> Option<u32> {
    Some(number / 2)
}

fn main() {}
