use memclient::cached;

#[cached(compress = 6)]
fn double(number: u32) -> u32 {
    number * 2
}

fn main() {}
