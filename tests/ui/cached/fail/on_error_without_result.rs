use memclient::cached;

#[cached(on_error = "cache")]
fn half(number: u32) -> Option<u32> {
    Some(number / 2)
}

fn main() {}
