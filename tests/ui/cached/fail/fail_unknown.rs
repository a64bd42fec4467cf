use memclient::cached;

#[cached(fail = "close")]
fn half(number: u32) -> Result<u32, memclient::Error> {
    Ok(number / 2)
}

fn main() {}
