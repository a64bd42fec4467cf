//! One item: what it holds, how long it lives, and who may load it.

use std::time::{Duration, Instant};

use bytes::Bytes;
use moka::ops::compute::Op;

use crate::{
    backend::{
        lease::Lease,
        op::{Hit, Read, Tier, TtlLeft},
    },
    clock::Clock,
    wire::{CasToken, Key, Ttl, Value},
};

#[derive(Clone)]
pub(super) struct Item {
    pub(super) key: Key,
    pub(super) value: Value,
    pub(super) version: CasToken,
    pub(super) life: Life,
    /// Until when a copy stays whose own life is over.
    pub(super) kept: Option<Life>,
    pub(super) state: State,
    /// Whether somebody has the lease.
    pub(super) leased: bool,
    /// What a copy answers in place of its own version and life.
    pub(super) origin: Option<Origin>,
}

#[derive(Clone, Copy)]
pub(super) struct Origin {
    pub(super) version: Option<CasToken>,
    pub(super) life: Option<Life>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum State {
    Fresh,
    /// Marked stale.
    Stale,
    /// Nothing, in the place of what somebody is to load.
    Stub,
}

impl Item {
    pub(super) fn new(key: &Key, value: Value, version: CasToken, life: Life) -> Self {
        Self {
            key: key.clone(),
            value,
            version,
            life,
            kept: None,
            state: State::Fresh,
            leased: false,
            origin: None,
        }
    }

    /// Returns the stub that its maker has the lease of.
    pub(super) fn stub(key: &Key, version: CasToken, life: Life) -> Self {
        let nothing = Value::new(Bytes::new(), 0);
        Self { state: State::Stub, leased: true, ..Self::new(key, nothing, version, life) }
    }

    /// Returns the item as a stale one, whose lease the next reader gets: another version.
    pub(super) fn into_stale(self, version: CasToken, life: Life) -> Self {
        let state = if self.state == State::Stub { State::Stub } else { State::Stale };
        Self { version, life, kept: None, state, leased: false, origin: None, ..self }
    }

    /// Returns the item with other bytes: another version of the same flags and life.
    pub(super) fn changed(&self, data: Bytes, version: CasToken) -> Self {
        Self::new(&self.key, Value::new(data, self.value.flags()), version, self.life)
    }

    /// Says whether the item can be read as a good one.
    pub(super) fn is_fresh(&self) -> bool {
        self.state == State::Fresh
    }

    /// Says whether the item is a copy whose life is over, and which was to stay beyond it.
    pub(super) fn has_lapsed(&self, now: Instant) -> bool {
        let stays = self.kept.is_some_and(|kept| !kept.is_over(now));
        stays && self.is_fresh() && self.life.is_over(now)
    }

    /// Says whether the next reader who asks is to get the lease, where items with less than
    /// `recache` of their life left are to be refreshed.
    pub(super) fn offers_lease(&self, recache: Option<Duration>, now: Instant) -> bool {
        !self.leased
            && match (self.state, recache, self.life) {
                (State::Stale | State::Stub, ..) => true,
                (State::Fresh, Some(rest), Life::Until(end)) => {
                    end.saturating_duration_since(now) < rest
                }
                (State::Fresh, ..) => false,
            }
    }

    /// Returns what a reader without the lease finds, who `asks` for it or not.
    pub(super) fn read(&self, asks: bool, now: Instant) -> Read {
        match self.state {
            State::Fresh => Read::Hit(self.answer(now)),
            State::Stale => Read::Stale(Hit { cas: None, ..self.answer(now) }),
            State::Stub if asks => Read::Held,
            State::Stub => Read::Miss,
        }
    }

    /// Returns what the reader finds who gets the lease.
    pub(super) fn read_by_holder(&self, now: Instant) -> Read {
        let lease = Lease::of_item(self.version);
        match self.state {
            State::Fresh => Read::Refresh(self.answer(now), lease),
            State::Stale => Read::StaleWon(self.answer(now), lease),
            State::Stub => Read::Won(Lease::of_stub(self.version)),
        }
    }

    pub(super) fn answer(&self, now: Instant) -> Hit {
        let own = Origin { version: Some(self.version), life: Some(self.life) };
        let Origin { version, life } = self.origin.unwrap_or(own);
        let left = life.map_or(TtlLeft::Unknown, |life| life.left(now));
        Hit {
            cas: version,
            ..Hit::new(self.value.clone()).with_ttl_left(left).from_tier(Tier::Near)
        }
    }

    pub(super) fn into_op(self) -> Op<Self> {
        match self.life {
            Life::Over => Op::Remove,
            Life::Endless | Life::Until(_) => Op::Put(self),
        }
    }
}

#[derive(Clone, Copy)]
pub(super) enum Life {
    Endless,
    Until(Instant),
    Over,
}

impl Life {
    pub(super) fn of(ttl: Ttl, clock: &Clock) -> Self {
        match ttl.left(clock.wall()) {
            None => Self::Endless,
            Some(Duration::ZERO) => Self::Over,
            Some(left) => Self::lasting(left, clock),
        }
    }

    /// A life that ends beyond what the clock can say is endless.
    pub(super) fn lasting(left: Duration, clock: &Clock) -> Self {
        clock.now().checked_add(left).map_or(Self::Endless, Self::Until)
    }

    pub(super) fn is_over(self, now: Instant) -> bool {
        match self {
            Self::Endless => false,
            Self::Until(end) => end <= now,
            Self::Over => true,
        }
    }

    pub(super) fn left(self, now: Instant) -> TtlLeft {
        match self {
            Self::Endless => TtlLeft::Never,
            Self::Until(end) => TtlLeft::Left(end.saturating_duration_since(now)),
            Self::Over => TtlLeft::Left(Duration::ZERO),
        }
    }
}

impl TtlLeft {
    pub(super) fn until(self, clock: &Clock) -> Option<Life> {
        match self {
            Self::Unknown => None,
            Self::Never => Some(Life::Endless),
            Self::Left(left) => Some(Life::lasting(left, clock)),
        }
    }
}
