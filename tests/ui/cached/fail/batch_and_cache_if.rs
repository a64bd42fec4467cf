use std::collections::HashMap;

use memclient::cached;

#[cached(batch = ids, cache_if = |name: &String| !name.is_empty(), tags("name:{ids}"))]
fn names(ids: &[u64], log: &mut Vec<u64>) -> HashMap<u64, String> {
    log.extend(ids);
    ids.iter().map(|id| (*id, id.to_string())).collect()
}

fn main() {}
