use memclient::cached;

#[cached(tags("org:{two words}"))]
fn number(org: u32) -> u32 {
    org
}

fn main() {}
