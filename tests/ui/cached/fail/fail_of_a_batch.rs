use std::collections::HashMap;

use memclient::cached;

#[cached(batch = ids, fail = "closed")]
async fn names(ids: &[u64]) -> HashMap<u64, String> {
    ids.iter().map(|id| (*id, id.to_string())).collect()
}

fn main() {}
