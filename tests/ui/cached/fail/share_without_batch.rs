use memclient::cached;

#[cached]
fn name(id: u64) -> String {
    id.to_string()
}

#[cached(share = name)]
fn names(id: u64) -> String {
    id.to_string()
}

fn main() {}
