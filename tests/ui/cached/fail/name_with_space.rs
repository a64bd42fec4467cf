use memclient::cached;

#[cached(name = "my double")]
fn double(number: u32) -> u32 {
    number * 2
}

fn main() {}
