use memclient::cached;

#[cached(cache_if = |number: &u32| number + 1)]
fn double(number: u32) -> u32 {
    number * 2
}

fn main() {}
