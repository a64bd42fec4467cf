use memclient::invalidates;

#[invalidates()]
fn save(number: u32) -> u32 {
    number
}

fn main() {}
