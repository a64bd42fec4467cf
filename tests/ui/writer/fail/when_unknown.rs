use memclient::{cached, invalidates};

#[cached]
fn double(number: u32) -> u32 {
    number * 2
}

#[invalidates(double(number), when = Alwas)]
fn save(number: u32) -> u32 {
    number
}

fn main() {}
