use memclient::{cached, invalidates};

#[cached]
fn double(number: u32) -> u32 {
    number * 2
}

#[invalidates(double(number) = 7)]
fn save(number: u32) -> u32 {
    number
}

fn main() {}
