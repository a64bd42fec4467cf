//! A lease of the backend in the hands of a load: filled once, or given back.

use crate::{
    backend::{AnyBackend, CacheBackend, Lease},
    wire::{CasToken, Key},
};

/// The right to load an entry for all processes. Dropped before it was used, by an error, a panic or
/// because its caller left, it goes back, and the next process that asks has it.
#[must_use]
pub(super) struct HeldLease {
    backend: AnyBackend,
    key: Key,
    lease: Option<Lease>,
}

impl HeldLease {
    pub(super) fn new(backend: &AnyBackend, key: &Key, lease: Lease) -> Self {
        Self { backend: backend.clone(), key: key.clone(), lease: Some(lease) }
    }

    /// Returns the version over which the entry is to be filled.
    pub(super) fn version(&self) -> Option<CasToken> {
        self.lease.map(Lease::cas)
    }

    /// Notes that the entry was filled, or the lease lost: there is nothing to give back.
    pub(super) fn end(mut self) {
        self.lease = None;
    }
}

impl Drop for HeldLease {
    fn drop(&mut self) {
        if let Some(lease) = self.lease.take() {
            self.backend.release_now(&self.key, lease);
        }
    }
}
