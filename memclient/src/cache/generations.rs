//! What decides whether a loaded value may still be kept. Nothing else does.

use std::{
    hash::BuildHasher,
    sync::atomic::{AtomicU64, Ordering},
};

use crate::chance::{Placing, placing};

/// Keys share stripes by their hash: a write then keeps a load of another key of its stripe from
/// being kept, which costs a further load and no more.
const STRIPES: usize = 1024;

/// A number per stripe of keys that every write and every invalidation of this process changes,
/// before it begins and after it ends.
///
/// A loader that ran across such a change may have read what was there before it; its result goes
/// to its caller and is not kept.
#[derive(Debug)]
pub(super) struct Generations {
    stripes: Box<[AtomicU64]>,
    hasher: Placing,
}

impl Generations {
    pub(super) fn new() -> Self {
        Self { stripes: (0..STRIPES).map(|_| AtomicU64::new(0)).collect(), hasher: placing() }
    }

    pub(super) fn current(&self, key: &[u8]) -> u64 {
        self.stripe(key).load(Ordering::SeqCst)
    }

    pub(super) fn advance(&self, key: &[u8]) {
        self.stripe(key).fetch_add(1, Ordering::SeqCst);
    }

    #[expect(clippy::cast_possible_truncation, reason = "the low bits are what is asked for")]
    fn stripe(&self, key: &[u8]) -> &AtomicU64 {
        &self.stripes[self.hasher.hash_one(key) as usize % STRIPES]
    }
}
