use memclient::cached;

#[cached(batch = ids)]
fn names(ids: &[u64]) -> Vec<String> {
    ids.iter().map(ToString::to_string).collect()
}

fn main() {}
