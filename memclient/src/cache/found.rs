//! What is kept of a key, read from an item of the backend.

use memclient_serde::{CacheValue, DecodeError, Flags};

use super::{
    freshness::{self, Freshness},
    header::without_header,
    policy::Policy,
};
use crate::{
    backend::{Hit, Tier},
    wire::{CasToken, TtlLeft, Value},
};

/// What is known of a key.
#[derive(Clone, Debug)]
pub(crate) enum Found<T> {
    Value(T),
    /// It is known that there is none.
    Absent,
}

/// What is kept of a key, and what its store says of it.
#[derive(Debug)]
pub(super) struct Kept<T> {
    pub(super) found: Found<T>,
    pub(super) freshness: Freshness,
    pub(super) cas: Option<CasToken>,
    pub(super) ttl_left: TtlLeft,
    pub(super) tier: Tier,
}

/// When a value that is still fresh is refreshed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Early {
    Never,
    /// Where the policy says so: nobody has to wait for it.
    Allowed,
}

impl<T> Found<T> {
    pub(crate) fn into_value(self) -> Option<T> {
        match self {
            Self::Value(value) => Some(value),
            Self::Absent => None,
        }
    }
}

impl<T: CacheValue> Found<T> {
    pub(super) fn decode(value: &Value) -> Result<Self, DecodeError> {
        let flags = value.payload().flags;
        if flags.is_absent() {
            return Ok(Self::Absent);
        }
        match value.decoded::<T>() {
            None if flags.has_header() => {
                let value = without_header(value).ok_or_else(DecodeError::header)?;
                value.decode().map(Self::Value)
            }
            _ => value.decode().map(Self::Value),
        }
    }
}

impl<T: CacheValue> Kept<T> {
    /// Decodes what was found, and judges how fresh it is.
    pub(super) fn read(hit: &Hit, policy: &Policy, early: Early) -> Result<Self, DecodeError> {
        let found = Found::decode(&hit.value)?;
        let freshness = match found {
            Found::Value(_) => judge(hit, policy, early),
            // What says "there is none" has no grace, and costs little to find out again.
            Found::Absent => Freshness::Fresh,
        };
        let Hit { cas, ttl_left, tier, .. } = *hit;
        Ok(Self { found, freshness, cas, ttl_left, tier })
    }
}

impl<T> Kept<T> {
    /// Returns what is in this process's memory and fresh.
    pub(super) const fn near(found: Found<T>) -> Self {
        Self {
            found,
            freshness: Freshness::Fresh,
            cas: None,
            ttl_left: TtlLeft::Unknown,
            tier: Tier::Near,
        }
    }

    pub(super) fn is_stale(&self) -> bool {
        self.freshness == Freshness::Stale
    }

    /// Returns what is known, unless it is stale.
    pub(super) fn fresh(self) -> Option<Found<T>> {
        (!self.is_stale()).then_some(self.found)
    }
}

fn judge(hit: &Hit, policy: &Policy, early: Early) -> Freshness {
    let load_time = match early {
        Early::Allowed if policy.refreshes_early() => hit.value.payload().flags.load_time(),
        Early::Allowed | Early::Never => None,
    };
    let chance = if load_time.is_some() { 1.0 - fastrand::f64() } else { 1.0 };
    freshness::judge(hit.ttl_left, policy.grace_time(), load_time, chance)
}

/// Returns the item that says "there is none".
pub(super) fn absence() -> Value {
    Value::new(Vec::new(), Flags::from_bits(0).with_absent().with_typed().bits())
}
