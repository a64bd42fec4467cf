use memclient::cached;

#[cached(skip(org), tags("org:{org}"))]
fn number(org: u32, id: u32) -> u32 {
    org + id
}

fn main() {}
