use memclient::cached;

#[cached(ttl = "1m")]
#[cached(ttl = "1h")]
fn double(number: u32) -> u32 {
    number * 2
}

fn main() {}
