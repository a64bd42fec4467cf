use memclient::invalidates;

#[invalidates(tag("org:{org}", "all"))]
fn save(org: u32) {
    let _ = org;
}

fn main() {}
