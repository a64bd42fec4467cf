//! Rendezvous (highest random weight) hashing, in agreement with pymemcache's for ASCII keys.

use super::murmur3::murmur3;

/// Returns the place of the node with the highest score; of equal ones the one whose name is
/// greatest.
pub(super) fn place<'a>(nodes: impl Iterator<Item = &'a str>, key: &[u8]) -> usize {
    let score = |node: &str| murmur3(node.bytes().chain(*b"-").chain(key.iter().copied()));
    let best = nodes.enumerate().max_by_key(|(_, node)| (score(node), *node));
    best.map_or(0, |(place, _)| place)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NODES: [&str; 3] = ["10.0.0.1:11211", "10.0.0.2:11211", "10.0.0.3:11211"];

    #[test]
    fn keys_live_where_pymemcache_puts_them() {
        for (key, node) in
            [("key", 1), ("key1", 1), ("key2", 1), ("foo", 3), ("bar", 2), ("user:1", 2)]
        {
            assert_eq!(place(NODES.into_iter(), key.as_bytes()) + 1, node, "{key}");
        }
    }

    #[test]
    fn a_node_that_leaves_moves_only_its_own_keys() {
        for number in 0..1000 {
            let key = format!("key:{number}");
            let before = place(NODES.into_iter(), key.as_bytes());
            if before != 2 {
                assert_eq!(place(NODES.into_iter().take(2), key.as_bytes()), before, "{key}");
            }
        }
    }
}
