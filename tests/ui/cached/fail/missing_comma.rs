use memclient::cached;

#[cached(ttl = "10m" version = 2)]
fn double(number: u32) -> u32 {
    number * 2
}

fn main() {}
