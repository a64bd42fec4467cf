use memclient::invalidates;

#[invalidates(number.count_ones())]
fn save(number: u32) -> u32 {
    number
}

fn main() {}
