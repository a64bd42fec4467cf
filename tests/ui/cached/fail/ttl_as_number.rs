use memclient::cached;

#[cached(ttl = 600)]
fn double(number: u32) -> u32 {
    number * 2
}

fn main() {}
