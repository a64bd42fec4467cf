use memclient::cached;

#[cached]
fn u32(number: u64) -> u64 {
    number
}

fn main() {}
