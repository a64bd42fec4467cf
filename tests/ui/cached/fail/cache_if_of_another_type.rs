use memclient::cached;

#[cached(cache_if = |text: &String| text.is_empty())]
fn double(number: u32) -> u32 {
    number * 2
}

fn main() {}
