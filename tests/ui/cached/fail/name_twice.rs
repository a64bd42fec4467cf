use memclient::cached;

#[cached(name = "shop.number")]
fn double(number: u32) -> u32 {
    number * 2
}

#[cached(name = "shop.number")]
fn triple(number: u32) -> u32 {
    number * 3
}

fn main() {}
