use memclient::cached;

#[cached(on_error = "cache", none = "1m")]
fn half(number: u32) -> Result<Option<u32>, String> {
    Ok(Some(number / 2))
}

fn main() {}
