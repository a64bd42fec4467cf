use memclient::invalidates;

fn double(number: u32) -> u32 {
    number * 2
}

#[invalidates(double(number))]
fn save(number: u32) -> u32 {
    double(number)
}

fn main() {}
