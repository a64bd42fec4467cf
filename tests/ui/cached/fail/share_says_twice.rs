use std::collections::HashMap;

use memclient::cached;

#[cached]
fn name(id: u64) -> String {
    id.to_string()
}

#[cached(batch = ids, share = name, ttl = "1h", name = "names")]
fn names(ids: &[u64]) -> HashMap<u64, String> {
    ids.iter().map(|id| (*id, id.to_string())).collect()
}

#[cached(batch = ids, share = |id| name(id))]
fn closures(ids: &[u64]) -> HashMap<u64, String> {
    ids.iter().map(|id| (*id, id.to_string())).collect()
}

fn main() {}
