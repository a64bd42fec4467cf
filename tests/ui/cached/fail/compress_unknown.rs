use memclient::cached;

#[cached(compress = "gzip")]
fn double(number: u32) -> u32 {
    number * 2
}

fn main() {}
