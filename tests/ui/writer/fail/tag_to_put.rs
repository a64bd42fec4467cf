use memclient::cache_put;

#[cache_put(tag("org:{org}"))]
fn save(org: u32) -> u32 {
    org
}

fn main() {}
