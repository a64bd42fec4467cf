use memclient::cached;

#[cached(tll = "10m")]
fn double(number: u32) -> u32 {
    number * 2
}

fn main() {}
