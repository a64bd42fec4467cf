use std::sync::atomic::{AtomicU64, Ordering};

use crate::wire::CasToken;

/// Numbers every change once, and knows up to which number everything was cleared.
pub(super) struct Versions {
    next: AtomicU64,
    first_alive: AtomicU64,
}

impl Versions {
    pub(super) const fn new() -> Self {
        Self { next: AtomicU64::new(1), first_alive: AtomicU64::new(1) }
    }

    pub(super) fn next(&self) -> CasToken {
        CasToken::new(self.next.fetch_add(1, Ordering::SeqCst))
    }

    pub(super) fn end_all(&self) {
        self.first_alive.fetch_max(self.next.load(Ordering::SeqCst), Ordering::SeqCst);
    }

    pub(super) fn has_ended(&self, version: CasToken) -> bool {
        version.get() < self.first_alive.load(Ordering::SeqCst)
    }
}
