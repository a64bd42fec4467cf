use memclient::cached;

#[cached(ttl = 2 * 300)]
fn double(number: u32) -> u32 {
    number * 2
}

fn main() {}
