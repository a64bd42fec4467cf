use std::collections::HashMap;

use memclient::cached;

#[cached(batch = id)]
fn names(id: u64) -> HashMap<u64, String> {
    HashMap::from([(id, id.to_string())])
}

fn main() {}
