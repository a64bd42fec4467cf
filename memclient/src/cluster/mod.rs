//! Which node holds a key, and one answer from many nodes.

mod murmur3;
mod rendezvous;

use crate::pool::Pool;

/// The nodes of a client. A key lives on the node that rendezvous hashing gives it, as in
/// pymemcache.
#[derive(Clone, Debug)]
pub(crate) struct Cluster {
    nodes: Vec<Pool>,
}

impl Cluster {
    /// Returns the cluster of these nodes, of which there is at least one; a node named twice
    /// counts once.
    pub(crate) fn new(nodes: impl IntoIterator<Item = Pool>) -> Self {
        let mut cluster = Self { nodes: Vec::new() };
        for node in nodes {
            if cluster.nodes.iter().all(|known| known.name() != node.name()) {
                cluster.nodes.push(node);
            }
        }
        cluster
    }

    pub(crate) fn nodes(&self) -> &[Pool] {
        &self.nodes
    }

    /// Returns the place among the nodes of the one that holds the key; the client's prefix is not
    /// counted.
    #[inline]
    pub(crate) fn place(&self, key: &[u8]) -> usize {
        match self.nodes.len() {
            0 | 1 => 0,
            _ => rendezvous::place(self.nodes.iter().map(|node| &**node.name()), key),
        }
    }

    /// Returns the node that holds the key.
    pub(crate) fn node(&self, key: &[u8]) -> &Pool {
        // Clients are built with at least one node, and a place is that of a node.
        &self.nodes[self.place(key)]
    }
}
