use super::freshness::Freshness;

/// What is kept of a key, as [`TypedCache::lookup`](crate::TypedCache::lookup) tells it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Lookup<T> {
    /// A value within its time to live.
    Fresh(T),
    /// A value within the grace behind its time to live ([`Policy::grace`](crate::Policy::grace)).
    Stale(T),
    /// It is known that there is none.
    Absent,
    /// Nothing that can be read.
    Miss,
}

/// What is kept of a key, and how fresh it is.
pub(super) struct Kept<T> {
    pub(super) found: Found<T>,
    pub(super) freshness: Freshness,
}

/// What is known of a key.
#[derive(Clone, Debug)]
pub(crate) enum Found<T> {
    Value(T),
    /// It is known that there is none.
    Absent,
}

impl<T> Found<T> {
    pub(crate) fn into_value(self) -> Option<T> {
        match self {
            Self::Value(value) => Some(value),
            Self::Absent => None,
        }
    }
}
