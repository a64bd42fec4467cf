use memclient::cached;

#[cached(tags("org:{org"))]
fn number(org: u32) -> u32 {
    org
}

fn main() {}
