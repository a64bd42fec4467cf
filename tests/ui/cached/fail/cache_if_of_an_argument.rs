use memclient::cached;

#[cached(cache_if = |doubled: &u32| *doubled > number)]
fn double(number: u32) -> u32 {
    number * 2
}

fn main() {}
