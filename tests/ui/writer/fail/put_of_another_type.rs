use memclient::{cache_put, cached};

#[cached]
fn double(number: u32) -> u32 {
    number * 2
}

#[cache_put(double(number))]
fn save(number: u32) -> Result<String, ()> {
    Ok(number.to_string())
}

#[cache_put(double(number) = "seven")]
fn name(number: u32) -> Result<u32, ()> {
    Ok(number)
}

fn main() {}
