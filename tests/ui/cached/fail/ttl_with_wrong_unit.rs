use memclient::cached;

#[cached(ttl = "10M")]
fn double(number: u32) -> u32 {
    number * 2
}

fn main() {}
