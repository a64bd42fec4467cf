use memclient::invalidates;

#[invalidates("double")]
fn save(number: u32) -> u32 {
    number
}

fn main() {}
