use memclient::cached;

#[cached(near = true)]
fn name(id: u64) -> String {
    id.to_string()
}

fn main() {}
