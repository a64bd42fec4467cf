use memclient::cached;

#[cached(on_error = "cache")]
fn half(number: u32) -> Result<u32, std::fmt::Error> {
    Ok(number / 2)
}

fn main() {}
