use memclient::cached;

#[cached(tags = "all")]
fn number(id: u32) -> u32 {
    id
}

fn main() {}
