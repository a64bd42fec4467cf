use memclient::cached;

#[cached(none = "1m")]
fn half(number: u32) -> u32 {
    number / 2
}

fn main() {}
