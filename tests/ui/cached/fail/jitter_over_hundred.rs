use memclient::cached;

#[cached(jitter = 110)]
fn double(number: u32) -> u32 {
    number * 2
}

fn main() {}
