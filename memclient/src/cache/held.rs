//! A lease of the backend in the hands of a load: filled once, or given back.

use crate::{
    backend::{AnyBackend, CacheBackend, Lease, Released},
    wire::{CasToken, Key},
};

/// The right to load an entry for all processes. Dropped before it was used, by an error, a panic or
/// because its caller left, it goes back, and the next process that asks has it.
#[must_use]
pub(super) struct HeldLease {
    backend: AnyBackend,
    key: Key,
    lease: Option<Lease>,
    /// Whether the entry is still good, so that giving the lease back would spoil it.
    of_fresh: bool,
}

impl HeldLease {
    pub(super) fn new(backend: &AnyBackend, key: &Key, lease: Lease) -> Self {
        Self { backend: backend.clone(), key: key.clone(), lease: Some(lease), of_fresh: false }
    }

    /// Returns the lease on an entry that is fresh. It is not given back, as that would mark the
    /// entry as stale: whoever does not fill it leaves the entry as it is.
    pub(super) fn of_fresh(mut self) -> Self {
        self.of_fresh = true;
        self
    }

    /// Returns the version over which the entry is to be filled.
    pub(super) fn version(&self) -> Option<CasToken> {
        self.lease.map(Lease::cas)
    }

    /// Says whether nothing but a stub is there.
    pub(super) fn is_of_stub(&self) -> bool {
        self.lease.is_some_and(Lease::is_of_stub)
    }

    /// Notes that the entry was filled, or the lease lost: there is nothing to give back.
    pub(super) fn end(mut self) {
        self.lease = None;
    }

    /// Gives the lease back and waits until it is; false where it was lost before, or may have been.
    ///
    /// Dropping the future gives it back all the same.
    pub(super) async fn release(mut self) -> bool {
        let Some(lease) = self.lease else { return false };
        let released = !self.of_fresh
            && self.backend.release(&self.key, lease).await.is_ok_and(Released::is_released);
        self.lease = None;
        released
    }
}

impl Drop for HeldLease {
    fn drop(&mut self) {
        if let Some(lease) = self.lease.take()
            && !self.of_fresh
        {
            self.backend.release_now(&self.key, lease);
        }
    }
}
