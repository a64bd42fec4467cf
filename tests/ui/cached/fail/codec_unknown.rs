use memclient::cached;

#[cached(codec = "jsn")]
fn double(number: u32) -> u32 {
    number * 2
}

fn main() {}
