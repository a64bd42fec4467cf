use memclient::cached;

#[cached]
fn numbers(end: u32) -> impl Iterator<Item = u32> {
    0..end
}

fn main() {}
