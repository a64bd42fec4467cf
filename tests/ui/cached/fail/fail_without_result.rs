use memclient::cached;

#[cached(fail = "closed")]
fn half(number: u32) -> u32 {
    number / 2
}

fn main() {}
