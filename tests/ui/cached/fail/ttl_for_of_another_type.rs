use memclient::cached;

#[cached(ttl_for = |name: &String| name.len())]
fn name(id: u64) -> String {
    id.to_string()
}

fn main() {}
