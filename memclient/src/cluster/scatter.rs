//! Many keys to their nodes, and the answers back in the order of the keys.

use super::Cluster;
use crate::wire::KeyRef;

/// The places of the keys of one node, in the order in which they were given.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Share {
    /// The place of the node in the cluster.
    pub(crate) node: usize,
    /// The places of its keys among all keys.
    pub(crate) keys: Vec<usize>,
}

impl Cluster {
    /// Returns the shares of the nodes that have any of the keys.
    pub(crate) fn scatter<'a>(&self, keys: impl Iterator<Item = KeyRef<'a>>) -> Vec<Share> {
        let mut shares: Vec<Share> =
            (0..self.nodes().len()).map(|node| Share { node, keys: Vec::new() }).collect();
        for (place, key) in keys.enumerate() {
            if let Some(share) = shares.get_mut(self.place(&key)) {
                share.keys.push(place);
            }
        }
        shares.retain(|share| !share.keys.is_empty());
        shares
    }
}
