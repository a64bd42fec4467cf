//! What a handle tells of an entry.

use std::time::Duration;

use super::{
    found::{Found, Kept},
    policy::Policy,
};
use crate::{
    backend::Tier,
    wire::{CasToken, TtlLeft},
};

/// What is kept of a key, as [`TypedCache::lookup`](crate::TypedCache::lookup) tells it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Lookup<T> {
    /// A value within its time to live.
    Fresh(T),
    /// A value within the grace behind its time to live ([`Policy::grace`](crate::Policy::grace)), or
    /// one that was invalidated.
    Stale(T),
    /// It is known that there is none.
    Absent,
    /// Nothing that can be read.
    Miss,
}

/// A value and what its store says of it, as
/// [`TypedCache::get_with_meta`](crate::TypedCache::get_with_meta) tells it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Entry<T> {
    /// The value; `None` where it is known that there is none.
    pub value: Option<T>,
    /// The tier that answered.
    pub tier: Tier,
    /// Whether the entry is beyond its time to live, or was invalidated, and is within its grace.
    pub stale: bool,
    /// How long the entry is fresh from now on: zero for one that is stale, `None` where it has no
    /// end or the backend does not say.
    pub fresh_for: Option<Duration>,
    /// How long ago the entry was written, by the time to live that the policy gives today; `None`
    /// where the entry has no end, the policy has jitter, or the backend does not say.
    pub age: Option<Duration>,
    /// The version of the entry, for [`PutIf::Unchanged`]; `None` where the backend has no versions
    /// or the entry is stale.
    pub version: Option<CasToken>,
}

/// On what condition [`TypedCache::put_if`](crate::TypedCache::put_if) keeps a value.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum PutIf {
    /// There is no entry.
    Absent,
    /// There is an entry.
    Present,
    /// The entry has still this version, which [`Entry::version`] told.
    Unchanged(CasToken),
}

impl<T> Lookup<T> {
    pub(super) fn of(kept: Option<Kept<T>>) -> Self {
        match kept {
            Some(kept) if kept.is_stale() => {
                kept.found.into_value().map_or(Self::Absent, Self::Stale)
            }
            Some(kept) => kept.found.into_value().map_or(Self::Absent, Self::Fresh),
            None => Self::Miss,
        }
    }
}

impl<T> Entry<T> {
    /// Returns the entry with its value in another form.
    pub(crate) fn map<U>(self, form: impl FnOnce(T) -> Option<U>) -> Entry<U> {
        let Self { value, tier, stale, fresh_for, age, version } = self;
        Entry { value: value.and_then(form), tier, stale, fresh_for, age, version }
    }

    pub(super) fn of(kept: Kept<T>, policy: Policy) -> Self {
        let stale = kept.is_stale();
        let Kept { found, cas, ttl_left, tier, .. } = kept;
        let left = match ttl_left {
            TtlLeft::Left(left) => Some(left),
            TtlLeft::Never | TtlLeft::Unknown => None,
        };
        // What says "there is none" has no grace.
        let (grace, whole) = match found {
            Found::Value(_) => (policy.grace_time(), policy.whole_life()),
            Found::Absent => (Duration::ZERO, policy.none_life()),
        };
        let fresh_for = left.map(|left| left.saturating_sub(grace));
        Self {
            value: found.into_value(),
            tier,
            stale,
            fresh_for: if stale { Some(Duration::ZERO) } else { fresh_for },
            age: left.zip(whole).and_then(|(left, whole)| whole.checked_sub(left)),
            version: cas.filter(|_| !stale),
        }
    }
}
