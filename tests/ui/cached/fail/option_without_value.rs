use memclient::cached;

#[cached(ttl)]
fn double(number: u32) -> u32 {
    number * 2
}

fn main() {}
