use memclient::{cached, invalidates};

#[cached]
fn double(number: u32) -> u32 {
    number * 2
}

#[invalidates(double(number), when = Ok)]
fn save(number: u32) -> Option<u32> {
    Some(number)
}

fn main() {}
