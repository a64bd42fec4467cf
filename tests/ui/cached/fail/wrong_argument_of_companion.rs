use memclient::cached;

#[cached]
fn double(number: u32) -> u32 {
    number * 2
}

fn main() {
    double::invalidate("four").unwrap();
}
