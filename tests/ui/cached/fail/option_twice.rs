use memclient::cached;

#[cached(ttl = "10m", ttl = "20m")]
fn double(number: u32) -> u32 {
    number * 2
}

fn main() {}
