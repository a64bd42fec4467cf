//! The right to load or refresh an item, which one of all its readers has at a time.

use std::time::Duration;

use crate::wire::CasToken;

/// On what terms a read asks for a lease.
///
/// ```
/// use std::time::Duration;
/// use memclient::backend::{Get, LeaseTerms};
///
/// let terms = LeaseTerms::new(Duration::from_secs(10)).recache(Duration::from_secs(30));
/// let how = Get::lease(terms);
/// # let _ = how;
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct LeaseTerms {
    /// How long others wait for the winner of a missing item: the life of the stub that stands in
    /// its place meanwhile. After that the next reader wins. Rounded up to whole seconds, and to one
    /// at least; a server that counts whole seconds may end a life of one second early.
    pub vivify: Duration,
    /// From how short a rest of its life on an item is to be refreshed early. `None`, or zero, for
    /// not at all; items without an end never are.
    pub recache: Option<Duration>,
}

impl LeaseTerms {
    /// Returns the terms under which a missing item is won for so long, and none is refreshed early.
    pub const fn new(vivify: Duration) -> Self {
        Self { vivify, recache: None }
    }

    /// Returns the terms under which an item with less than this rest of its life is refreshed early.
    pub const fn recache(mut self, rest: Duration) -> Self {
        self.recache = Some(rest);
        self
    }
}

/// The right to load or refresh one item, as a read handed it out.
///
/// It ends with a write of the item, by its holder ([`Set::if_cas`](super::Set::if_cas)) or anybody
/// else, with a delete or a mark as stale, or when its holder releases it
/// ([`CacheBackend::release`](super::CacheBackend::release)). A lease that has ended fills nothing.
/// One that is neither filled nor released holds the others up until the stub or the item expires, so
/// whoever has one should own it in a value whose drop releases it.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Lease {
    cas: CasToken,
    stub: bool,
}

impl Lease {
    /// Returns the lease on a missing item, for which a stub of this version stands.
    pub const fn of_stub(version: CasToken) -> Self {
        Self { cas: version, stub: true }
    }

    /// Returns the lease on an item that is there in this version.
    pub const fn of_item(version: CasToken) -> Self {
        Self { cas: version, stub: false }
    }

    /// Returns the version that the item or its stub has as long as the lease is good.
    pub const fn cas(self) -> CasToken {
        self.cas
    }

    /// Returns true when the item is missing, and only a stub is there.
    pub const fn is_of_stub(self) -> bool {
        self.stub
    }
}

impl From<Lease> for CasToken {
    fn from(lease: Lease) -> Self {
        lease.cas
    }
}

/// What the release of a lease came to.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Released {
    /// The next reader that asks gets the lease.
    Released,
    /// The lease had ended before; nothing was changed.
    Lost,
}

impl Released {
    /// Returns true when the next reader gets the lease.
    pub const fn is_released(self) -> bool {
        matches!(self, Self::Released)
    }
}
