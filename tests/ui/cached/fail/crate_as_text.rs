use memclient::cached;

#[cached(crate = "memclient")]
fn double(number: u32) -> u32 {
    number * 2
}

fn main() {}
