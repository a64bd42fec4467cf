use std::{fmt, ops::BitOr, time::Duration};

use super::lease::{Lease, LeaseTerms};
use crate::wire::{CasToken, Ttl, Value};
pub use crate::wire::{TtlLeft, Usage};

/// How to read.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Get {
    /// Passes in-process tiers over, so that the answer is the shared one. Defaults to false.
    pub skip_near: bool,
    /// Asks to be the one who loads or refreshes the item, where the backend has
    /// [`Capabilities::LEASE`]; elsewhere it is a plain read. Defaults to not asking.
    pub lease: Option<LeaseTerms>,
    /// Asks how the item has been used ([`Hit::usage`]), where the backend has
    /// [`Capabilities::USAGE`]. Defaults to not asking.
    pub usage: bool,
    /// How long an in-process tier may keep what it finds at most; zero keeps nothing. Defaults to the
    /// tier's own time.
    pub near: Option<Duration>,
}

impl Get {
    /// Returns a read that passes in-process tiers over.
    pub const fn shared() -> Self {
        Self { skip_near: true, lease: None, usage: false, near: None }
    }

    /// Returns a read that asks for a lease.
    pub const fn lease(terms: LeaseTerms) -> Self {
        Self { skip_near: false, lease: Some(terms), usage: false, near: None }
    }

    /// Returns the read whose finds in-process tiers keep for so long at most.
    pub const fn with_near(mut self, at_most: Option<Duration>) -> Self {
        self.near = at_most;
        self
    }

    /// Returns the read with the question for a lease.
    pub const fn with_lease(mut self, terms: LeaseTerms) -> Self {
        self.lease = Some(terms);
        self
    }
}

/// What a read found, and whether its caller is the one to load or refresh it.
///
/// A read that asked for no lease finds [`Read::Hit`], [`Read::Stale`] or [`Read::Miss`], and changes
/// nothing about who gets the lease.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Read {
    /// The item. Nobody need do anything, or somebody else is refreshing it early.
    Hit(Hit),
    /// The item, good for a while, and the caller is to refresh it before it ends.
    Refresh(Hit, Lease),
    /// A stale item ([`Delete::stale_for`]), and the caller is to refresh it.
    StaleWon(Hit, Lease),
    /// A stale item, which another is refreshing, or for which no lease was asked. It tells no
    /// version: only who has the lease may write over it.
    Stale(Hit),
    /// There is no such item, and the caller is to load it.
    Won(Lease),
    /// There is no such item, and another is loading it.
    Held,
    /// There is no such item, and no lease was asked for, or the backend has none.
    Miss,
}

impl Read {
    /// Returns the item, if there is a good one: a stale one is none.
    pub fn hit(self) -> Option<Hit> {
        match self {
            Self::Hit(hit) | Self::Refresh(hit, _) => Some(hit),
            Self::StaleWon(..) | Self::Stale(_) | Self::Won(_) | Self::Held | Self::Miss => None,
        }
    }

    /// Returns the item, good or stale, if there is one.
    pub fn any_hit(self) -> Option<Hit> {
        match self {
            Self::Hit(hit) | Self::Refresh(hit, _) | Self::StaleWon(hit, _) | Self::Stale(hit) => {
                Some(hit)
            }
            Self::Won(_) | Self::Held | Self::Miss => None,
        }
    }

    /// Returns a look at the item, good or stale, if there is one.
    pub(crate) const fn any(&self) -> Option<&Hit> {
        match self {
            Self::Hit(hit) | Self::Refresh(hit, _) | Self::StaleWon(hit, _) | Self::Stale(hit) => {
                Some(hit)
            }
            Self::Won(_) | Self::Held | Self::Miss => None,
        }
    }

    /// Returns the lease, if the caller won it.
    pub const fn won(&self) -> Option<Lease> {
        match self {
            Self::Refresh(_, lease) | Self::StaleWon(_, lease) | Self::Won(lease) => Some(*lease),
            Self::Hit(_) | Self::Stale(_) | Self::Held | Self::Miss => None,
        }
    }

    /// Returns the same answer with its item, if it has one, changed.
    pub(crate) fn map(self, change: impl FnOnce(Hit) -> Hit) -> Self {
        match self {
            Self::Hit(hit) => Self::Hit(change(hit)),
            Self::Refresh(hit, lease) => Self::Refresh(change(hit), lease),
            Self::StaleWon(hit, lease) => Self::StaleWon(change(hit), lease),
            Self::Stale(hit) => Self::Stale(change(hit)),
            other @ (Self::Won(_) | Self::Held | Self::Miss) => other,
        }
    }

    /// Returns the value, if there is a good one.
    pub fn value(self) -> Option<Value> {
        self.hit().map(|hit| hit.value)
    }
}

/// An item that a read found.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Hit {
    /// The bytes and flags, and the decoded form where the tier keeps it.
    pub value: Value,
    /// The version of the item, where the backend has [`Capabilities::CAS`].
    pub cas: Option<CasToken>,
    /// How long the item will live on, where the backend has [`Capabilities::TTL_LEFT`].
    pub ttl_left: TtlLeft,
    /// The tier that answered.
    pub tier: Tier,
    /// How the item has been used, where the read asked for it ([`Get::usage`]).
    pub usage: Option<Usage>,
}

impl Hit {
    /// Returns a hit of this value, without a version, of unknown life, from a shared tier.
    pub const fn new(value: Value) -> Self {
        Self { value, cas: None, ttl_left: TtlLeft::Unknown, tier: Tier::Far, usage: None }
    }

    /// Returns the hit with this version.
    pub const fn with_cas(mut self, cas: CasToken) -> Self {
        self.cas = Some(cas);
        self
    }

    /// Returns the hit with this remaining life.
    pub const fn with_ttl_left(mut self, left: TtlLeft) -> Self {
        self.ttl_left = left;
        self
    }

    /// Returns the hit as this tier's answer.
    pub const fn from_tier(mut self, tier: Tier) -> Self {
        self.tier = tier;
        self
    }
}

/// Where an answer came from.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Tier {
    /// This process's own memory.
    Near,
    /// A store that processes share.
    Far,
}

impl fmt::Display for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Near => "near",
            Self::Far => "far",
        })
    }
}

/// How to write.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Set {
    /// How long the item lives; ignored by append and prepend, as memcached ignores it. Defaults to
    /// never.
    pub ttl: Ttl,
    /// The condition and the kind of the write. Defaults to [`Mode::Set`].
    pub mode: Mode,
    /// Writes only over this version of the item. Defaults to none.
    pub cas: Option<CasToken>,
    /// How long an in-process tier may keep a copy at most; zero keeps none. Defaults to the tier's own
    /// time.
    pub near: Option<Duration>,
}

impl Set {
    /// Returns an unconditional write.
    pub fn ttl(ttl: impl Into<Ttl>) -> Self {
        Self { ttl: ttl.into(), ..Self::default() }
    }

    /// Returns the write in this mode.
    pub const fn mode(mut self, mode: Mode) -> Self {
        self.mode = mode;
        self
    }

    /// Returns the write on the condition that the item still has this version, which may be that of
    /// a lease.
    ///
    /// A fill with a lease comes to [`Written::Stored`] where the lease was good. It comes to
    /// [`Written::Exists`] where somebody has written the item or marked it stale since, and to
    /// [`Written::NotFound`] where it was deleted or has expired: the lease is lost, nothing is
    /// stored, and what was loaded may be older than what others know.
    pub fn if_cas(mut self, version: impl Into<CasToken>) -> Self {
        self.cas = Some(version.into());
        self
    }
}

/// The condition and the kind of a write.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum Mode {
    /// Writes whatever is there.
    #[default]
    Set,
    /// Writes only where there is no item.
    Add,
    /// Writes only over an item.
    Replace,
    /// Adds the bytes behind those of an item.
    Append,
    /// Adds the bytes before those of an item.
    Prepend,
}

/// What a write came to.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[must_use = "a refused write looks like success when its outcome is dropped"]
pub enum Written {
    /// The item is stored.
    Stored,
    /// The mode's condition did not hold: an add met an item, the others met none.
    NotStored,
    /// The item has another version than the one named.
    Exists,
    /// A write with a version met no item.
    NotFound,
}

impl Written {
    /// Returns true when the item is stored.
    pub const fn is_stored(self) -> bool {
        matches!(self, Self::Stored)
    }
}

/// How to delete.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Delete {
    /// Deletes only this version of the item. Defaults to none.
    pub cas: Option<CasToken>,
    /// Marks the item as stale for so long, rounded up to whole seconds, in place of deleting it,
    /// where the backend has [`Capabilities::STALE`]; elsewhere it is deleted. Defaults to deleting.
    pub stale_for: Option<Duration>,
}

impl Delete {
    /// Returns a delete on the condition that the item still has this version.
    pub const fn if_cas(cas: CasToken) -> Self {
        Self { cas: Some(cas), stale_for: None }
    }

    /// Returns the mark of an item as stale, for a grace of this length.
    ///
    /// Until it ends the item can still be read, as [`Read::Stale`], and one of those who ask for a
    /// lease is to refresh it. The item has another version from then on, so whoever was loading it
    /// fills nothing. Its mark ends with the next write.
    ///
    /// On a missing item it is [`Deleted::NotFound`](crate::Deleted::NotFound) and leaves no trace.
    /// That loses nothing where everybody who loads fills with the lease of a stub: there is then no
    /// missing item while somebody loads. A plain write of what was read before it is not kept from
    /// landing after it.
    pub const fn stale_for(grace: Duration) -> Self {
        Self { cas: None, stale_for: Some(grace) }
    }
}

/// How to keep a copy of another backend's item.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Keep {
    /// How long the copy answers reads at most.
    pub ttl: Ttl,
    /// Whether the copy stays beyond that, for [`CacheBackend::lapsed`](crate::CacheBackend::lapsed)
    /// alone, until the item's own life ends ([`Hit::ttl_left`]). Defaults to not.
    pub lapses: bool,
}

impl Keep {
    /// Returns a copy that answers reads for so long at most, and is gone then.
    pub fn ttl(ttl: impl Into<Ttl>) -> Self {
        Self { ttl: ttl.into(), lapses: false }
    }

    /// Returns the copy that stays beyond its time, or does not.
    pub const fn lapsing(mut self, lapses: bool) -> Self {
        self.lapses = lapses;
        self
    }
}

/// A change of a counter.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Arithmetic {
    /// Up or down.
    pub direction: Direction,
    /// By how much.
    pub delta: u64,
    /// What a missing counter starts as, and how long it lives; without it a missing counter stays
    /// missing.
    pub initial: Option<(u64, Ttl)>,
}

impl Arithmetic {
    /// Returns an increment; beyond `u64::MAX` it wraps around.
    pub const fn increment(delta: u64) -> Self {
        Self { direction: Direction::Up, delta, initial: None }
    }

    /// Returns a decrement; it stops at zero.
    pub const fn decrement(delta: u64) -> Self {
        Self { direction: Direction::Down, delta, initial: None }
    }

    /// Returns the change with a start for a missing counter, which is stored as it is and not
    /// changed further.
    pub fn or_start_at(mut self, initial: u64, ttl: impl Into<Ttl>) -> Self {
        self.initial = Some((initial, ttl.into()));
        self
    }
}

/// The way a counter goes.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Direction {
    /// Increments.
    Up,
    /// Decrements.
    Down,
}

/// What a backend can do beyond storing; the caching engine uses what is there and does without the
/// rest.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Capabilities(u32);

impl Capabilities {
    /// Nothing beyond storing.
    pub const NONE: Self = Self(0);
    /// Items have versions, and writes can depend on them.
    pub const CAS: Self = Self(1);
    /// Reads say how long the item will live on.
    pub const TTL_LEFT: Self = Self(1 << 1);
    /// Counters that are there can be changed.
    pub const ARITHMETIC: Self = Self(1 << 2);
    /// Add, replace, append and prepend.
    pub const MODES: Self = Self(1 << 3);
    /// Copies of another backend's items answer with the version and the life that the item has
    /// there ([`CacheBackend::keep`](crate::CacheBackend::keep)).
    pub const COPIES: Self = Self(1 << 4);
    /// One reader of a missing or aging item is told to load it, the others that somebody does
    /// ([`Get::lease`]); its holder can give the right back
    /// ([`CacheBackend::release`](crate::CacheBackend::release)).
    pub const LEASE: Self = Self(1 << 5);
    /// Items can be marked stale and stay readable ([`Delete::stale_for`]).
    pub const STALE: Self = Self(1 << 6);
    /// Deletes can depend on versions too ([`Delete::if_cas`]).
    pub const CAS_DELETE: Self = Self(1 << 7);
    /// Changes of missing counters can give them a start ([`Arithmetic::or_start_at`]).
    pub const COUNTER_START: Self = Self(1 << 8);
    /// An item can be confirmed without its value
    /// ([`CacheBackend::confirm_many`](crate::CacheBackend::confirm_many)).
    pub const CONFIRM: Self = Self(1 << 9);
    /// Reads say how the item has been used ([`Get::usage`]).
    pub const USAGE: Self = Self(1 << 10);

    /// Returns true when all of `other` is there.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Returns what either has.
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Returns what both have.
    pub const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

impl BitOr for Capabilities {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        self.union(other)
    }
}
