use memclient::cached;

#[cached(tags(id))]
fn number(id: u32) -> u32 {
    id
}

fn main() {}
