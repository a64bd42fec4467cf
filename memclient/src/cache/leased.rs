//! Leases in the hands of users, for those who load by other means than a closure.

use std::{fmt, marker::PhantomData};

use memclient_serde::{CacheValue, KeyBuf};

use super::{
    Cache,
    ask::{Claim, Seen},
    begin::Load,
    core::Core,
    fill::{Done, Outcome, Right},
    found::{Early, Found, Kept},
    plan::{Plan, Tags},
    policy::Policy,
};
use crate::{
    backend::{Get, Written},
    error::Result,
    wire::Key,
};

/// What is kept of a key, and the right to load it if the caller is the one to do that, as
/// [`TypedCache::lease`](crate::TypedCache::lease) tells it.
#[derive(Debug)]
#[non_exhaustive]
pub enum Leased<T> {
    /// A value within its time to live.
    Fresh(T),
    /// A value within its time to live, which the caller is to load again before it ends.
    Ending(T, FillLease<T>),
    /// A value within its grace. With the lease the caller is to load it again, without it another
    /// does.
    Stale(T, Option<FillLease<T>>),
    /// It is known that there is none.
    Absent,
    /// Nothing that can be read. With the lease the caller is to load it, without it another does:
    /// ask again in a moment.
    Missing(Option<FillLease<T>>),
}

/// The right to load one entry, which one caller of all processes has at a time.
///
/// It is used once: filled, or given back. Dropped, also by `?`, a panic or a cancelled task, it goes
/// back at once and without waiting, and the next who asks has it. It ends by itself after
/// [`Policy::lease`](crate::Policy::lease), and with any write or invalidation of the entry: then it
/// fills nothing. Where the backend has no leases, everybody who asks gets one, and a fill writes
/// whatever is there ([`FillLease::is_exclusive`]).
#[must_use = "a lease that is dropped goes back unfilled"]
pub struct FillLease<T> {
    cache: Cache,
    load: Load,
    policy: Policy,
    tags: Tags,
    value: PhantomData<fn() -> T>,
}

impl<T: CacheValue> FillLease<T> {
    /// Keeps the value; false where the lease was lost, and nothing is kept.
    ///
    /// # Errors
    /// When the value cannot be encoded, or may not have been stored.
    ///
    /// # Cancel safety
    /// Dropping the future leaves the entry filled, or the lease given back.
    pub async fn fill(self, value: &T) -> Result<bool> {
        let found = Found::Value(value.clone());
        self.finish(found, |core, plan, load| {
            let took = core.clock.now().saturating_duration_since(load.began);
            core.encoded(value, plan, &load.tags, took)
        })
        .await
    }

    /// Keeps that there is none, where the policy says how long ([`Policy::none`]), else gives the
    /// lease back; false where nothing is kept.
    ///
    /// # Errors
    /// When it may not have been stored.
    ///
    /// # Cancel safety
    /// As [`FillLease::fill`].
    pub async fn fill_absent(self) -> Result<bool> {
        self.finish(Found::Absent, |_, plan, load| Ok(Core::absent(plan, &load.tags))).await
    }

    async fn finish(
        self,
        found: Found<T>,
        outcome: impl FnOnce(&Core, Plan<'_>, &Load) -> Result<Outcome>,
    ) -> Result<bool> {
        let Self { cache, load, policy, tags, .. } = self;
        let (core, plan) = (cache.core(), Plan { policy: &policy, tags: &tags });
        let outcome = outcome(core, plan, &load)?;
        let Load { key, right, leader, generation, moment, .. } = load;
        let near = plan.near_time();
        let done = Done { key, right, generation, began: moment, outcome, near, forced: false };
        let (filled, written) = core.fill_and_tell(done).await;
        if let Some(leader) = leader {
            leader.land(found, if plan.has_tags() { moment } else { filled });
        }
        Ok(written.transpose()?.is_some_and(Written::is_stored))
    }
}

impl<T> FillLease<T> {
    /// Gives the lease back and waits until it is; false where it was lost before, or is none that
    /// could be given back.
    ///
    /// # Cancel safety
    /// Dropping the future gives it back all the same.
    pub async fn release(self) -> bool {
        self.load.right.release().await
    }

    /// Says whether nobody else has the right to load the entry meanwhile; false where the backend
    /// has no leases.
    pub const fn is_exclusive(&self) -> bool {
        matches!(self.load.right, Right::Lease(_))
    }
}

impl<T> fmt::Debug for FillLease<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FillLease")
            .field("key", &self.load.key)
            .field("exclusive", &self.is_exclusive())
            .finish_non_exhaustive()
    }
}

impl Cache {
    /// Returns what is kept, and the right to load it where nobody has it.
    pub(super) async fn lease<T: CacheValue>(
        &self,
        key: &KeyBuf,
        plan: Plan<'_>,
    ) -> Result<Leased<T>> {
        let core = self.core();
        let near = core.near::<T>(key.as_bytes(), plan, Early::Never);
        let how = if near.is_some() { Get::shared() } else { Get::default() };
        if let Some(found) = near.and_then(Kept::fresh) {
            return Ok(match found {
                Found::Value(value) => Leased::Fresh(value),
                Found::Absent => Leased::Absent,
            });
        }
        let key = Key::from(key);
        let mut seen = core.ask::<T>(&key, how, true, plan, Early::Never).await;
        if let Seen { kept: Some(kept), claim } = &seen
            && core.is_left_behind(&key, kept, claim, plan)
        {
            core.offer_again(&key, kept, plan).await;
            seen = core.ask::<T>(&key, Get::shared(), true, plan, Early::Never).await;
        }
        let Seen { kept, claim } = seen;
        let right = match claim {
            Claim::Won(lease) => Some(Right::Lease(lease)),
            Claim::Open(cas) => Some(Right::over(cas)),
            Claim::Taken => None,
            Claim::Unreachable(error) => return Err(error),
        };
        let lease = async |right: Option<Right>, leads: bool| {
            let leader = leads.then(|| core.flights.lead(&key));
            let load = core.ready(core.begin(key.clone(), right?, leader), plan).await;
            let (cache, policy, tags) = (self.clone(), *plan.policy, plan.tags.clone());
            Some(FillLease { cache, load, policy, tags, value: PhantomData })
        };
        Ok(match kept {
            None => {
                let leads = matches!(right, Some(Right::Lease(_)));
                Leased::Missing(lease(right, leads).await)
            }
            Some(kept) if kept.is_stale() => match kept.found {
                Found::Value(value) => Leased::Stale(value, lease(right, false).await),
                Found::Absent => Leased::Absent,
            },
            Some(Kept { found: Found::Absent, .. }) => Leased::Absent,
            Some(Kept { found: Found::Value(value), .. }) => match right {
                Some(Right::Lease(held)) => match lease(Some(Right::Lease(held)), false).await {
                    Some(lease) => Leased::Ending(value, lease),
                    None => Leased::Fresh(value),
                },
                _ => Leased::Fresh(value),
            },
        })
    }
}
