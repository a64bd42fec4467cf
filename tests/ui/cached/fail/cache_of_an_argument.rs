use memclient::cached;

#[cached(cache = cache, skip(cache))]
fn double(cache: &memclient::Cache, number: u32) -> u32 {
    let _ = cache;
    number * 2
}

fn main() {}
