use memclient::cached;

#[cached(cache = "here")]
fn double(number: u32) -> u32 {
    number * 2
}

fn main() {}
