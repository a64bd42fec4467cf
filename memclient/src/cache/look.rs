//! The way from a key to an answer, or to a load with the right to keep what it brings.
//!
//! ```text
//! near ──fresh, or stale and being seen to──────────────────► answer, without awaiting
//!  │miss, or stale
//! backend ──fresh──► answer, kept near in its decoded form
//!  │ ▲    ├ stale, and nobody refreshes it ──► load, with the stale value as the answer if that fails
//!  │ │    └ missing, and won ──► load, as the leader of a flight
//!  │ │missing, and another has it
//! flight ──of this process──► its answer, unless that may be older than the call
//!  └─┴ of none: the caller leads, and asks until the other process has loaded
//! ```
//!
//! The backend is asked before the flight, so that no answer is older than its call, and one caller
//! of a process waits for another process on behalf of all.

use std::time::{Duration, Instant};

use memclient_serde::{CacheValue, KeyBuf};
use tokio::time::timeout;

use super::{
    ask::{Claim, Seen},
    begin::Load,
    core::Core,
    fill::Right,
    flight::{Joined, Leader, Moment},
    found::{Early, Found, Kept},
    freshness::Freshness,
    loaded::{Errors, Loaded},
    plan::Plan,
    refreshes::Refresh,
};
use crate::{
    backend::{CacheBackend, Get},
    wire::{CasToken, Key},
};

/// How soon, and then how often, a process looks whether another one has loaded.
const FIRST_LOOK: Duration = Duration::from_millis(2);
const LAST_LOOK: Duration = Duration::from_millis(50);

/// What a look at what is kept came to.
pub(super) enum Looked<T, R> {
    /// An answer, for which nothing is to be done.
    Answer(R),
    /// A load that is to bring the answer.
    Load(Load),
    /// A load that is to replace an answer.
    Refresh(Load, Known<T>),
}

/// What is to be done about what is kept.
pub(super) enum Concluded<T> {
    /// Nothing: it is the answer.
    Known {
        key: Key,
        found: Found<T>,
        cas: Option<CasToken>,
    },
    Refresh(Box<Load>, Known<T>),
}

/// What has no answer in this process's memory: what to ask for, or to do about what is there.
pub(crate) struct Open<T> {
    key: Key,
    early: Early,
    /// An answer about which something is to be done.
    due: Option<Kept<T>>,
    /// What is stale, and nobody sees to.
    stale: Option<Kept<T>>,
}

/// An answer that is to be replaced, and is given where that fails.
pub(super) struct Known<T> {
    pub(super) value: T,
    pub(super) refresh: Refresh,
}

impl Core {
    /// Answers from this process's memory, without waiting; else returns what is to be done.
    pub(crate) fn at_hand<T: CacheValue, R: Loaded<T>>(
        &self,
        key: &KeyBuf,
        plan: Plan<'_>,
        early: Early,
    ) -> Result<R, Box<Open<T>>> {
        let open = |due, stale| Err(Box::new(Open { key: Key::from(key), early, due, stale }));
        let Some(near) = self.near(key.as_bytes(), plan, early) else { return open(None, None) };
        match near.freshness {
            Freshness::Stale if !self.is_seen_to(key.as_bytes(), &near) => open(None, Some(near)),
            Freshness::Fresh | Freshness::Stale => match near.found {
                Found::Value(value) => Ok(R::from_value(value)),
                Found::Absent => R::absent().map_or_else(|| open(Some(near), None), Ok),
            },
            Freshness::Ending => open(Some(near), None),
        }
    }

    /// Looks where processes share it, for what had no answer at hand.
    pub(super) async fn look<T: CacheValue, R: Loaded<T>>(
        &self,
        open: Box<Open<T>>,
        plan: Plan<'_>,
        errors: impl Errors<R>,
    ) -> Looked<T, R> {
        let Open { key, early, due, stale } = *open;
        match due {
            Some(near) => self.conclude(key, plan, near, Claim::Open(None)).looked(self),
            None => Box::pin(self.find(key, plan, errors, stale, early)).await,
        }
    }

    /// Returns what is in this process's memory, and counts it unless it is stale.
    pub(super) fn near<T: CacheValue>(
        &self,
        key: &[u8],
        plan: Plan<'_>,
        early: Early,
    ) -> Option<Kept<T>> {
        let kept = if self.looks_at_age(plan.policy, early) {
            let hit = self.backend().local(key)?;
            self.holds_here(plan, &hit.value).then_some(())?;
            Kept::read(&hit, plan.policy, early).ok()?
        } else {
            let (mut found, mut tagged) = (None, None);
            self.backend().look_local(key, &mut |value| {
                if value.payload().flags.has_header() || plan.has_tags() {
                    tagged = Some(value.clone());
                } else {
                    found = Found::decode(value).ok();
                }
            });
            if let Some(value) = tagged {
                self.holds_here(plan, &value).then_some(())?;
                found = Found::decode(&value).ok();
            }
            Kept::near(found?)
        };
        if !kept.is_stale() {
            self.count_hit(&kept);
        }
        Some(kept)
    }

    /// Says whether what is stale in this process's memory is an answer all the same, as it is being
    /// refreshed, or that has just failed.
    pub(super) fn is_seen_to<T>(&self, key: &[u8], near: &Kept<T>) -> bool {
        let seen_to = self.refreshes.holds(key);
        if seen_to {
            self.count_hit(near);
        }
        seen_to
    }

    /// Looks where processes share it, and gets all ready where there is something to load; `near` is
    /// a stale answer that is here.
    async fn find<T: CacheValue, R: Loaded<T>>(
        &self,
        key: Key,
        plan: Plan<'_>,
        errors: impl Errors<R>,
        near: Option<Kept<T>>,
        early: Early,
    ) -> Looked<T, R> {
        match self.seek(key, plan, errors, near, early).await {
            Looked::Answer(answer) => Looked::Answer(answer),
            Looked::Load(load) => Looked::Load(self.ready(load, plan).await),
            Looked::Refresh(load, known) => Looked::Refresh(self.ready(load, plan).await, known),
        }
    }

    async fn seek<T: CacheValue, R: Loaded<T>>(
        &self,
        key: Key,
        plan: Plan<'_>,
        errors: impl Errors<R>,
        mut near: Option<Kept<T>>,
        early: Early,
    ) -> Looked<T, R> {
        if !plan.shares_loads() {
            return self.seek_alone(key, plan, errors, near, early).await;
        }
        let since = self.flights.moment();
        let how = if near.is_some() { Get::shared() } else { Get::default() };
        let mut wait = Wait::new(self.clock.now());
        let mut leader: Option<Leader> = None;
        let mut must_ask = false;
        loop {
            // What is being refreshed here, or failed to be just now, is not to be won again.
            let asks = must_ask || !self.refreshes.holds(key.as_bytes());
            let holds = self.flights.moment();
            let mut seen = self.ask::<T>(&key, how, asks, plan, early).await;
            if let Claim::Unreachable(error) = &seen.claim {
                if let Some(refused) = errors.refuse(error) {
                    if let Some(leader) = leader {
                        leader.fail(errors.pack(&refused));
                    }
                    return Looked::Answer(self.stale(near).unwrap_or(refused));
                }
                seen.kept = near.take();
            }
            let right = match seen {
                Seen { kept: Some(kept), claim } => {
                    if self.is_left_behind(&key, &kept, &claim, plan) {
                        self.offer_again(&key, &kept, plan).await;
                        continue;
                    }
                    if let Some(leader) = leader {
                        leader.land(kept.found.clone(), holds);
                    }
                    return self.conclude(key, plan, kept, claim).looked(self);
                }
                Seen { claim: Claim::Won(lease), .. } => {
                    let leader = leader.unwrap_or_else(|| self.flights.lead(&key));
                    return self.missing(key, Right::Lease(lease), leader);
                }
                Seen { claim: Claim::Open(Some(unreadable)), .. } => {
                    if self.discard(&key, unreadable).await {
                        must_ask = true;
                        continue;
                    }
                    Some(Right::Over(unreadable))
                }
                Seen { claim: Claim::Open(_), .. } if !asks && self.has_leases() => {
                    must_ask = true;
                    continue;
                }
                Seen { claim: Claim::Open(None), .. } => Some(Right::Unguarded),
                Seen { claim: Claim::Unreachable(_), .. } => Some(Right::Near),
                Seen { claim: Claim::Taken, .. } if self.has_waited(&key, &wait, plan) => {
                    Some(Right::Nowhere)
                }
                Seen { claim: Claim::Taken, .. } => None,
            };
            let joined = match (leader.take(), right) {
                (Some(leader), Some(right)) => return self.missing(key, right, leader),
                (Some(leader), None) => self.wait(&mut wait, leader, since).await,
                (None, right) => match self.flights.join(&key, since).await {
                    Joined::Leads { leader, waited: false } => match right {
                        // Somebody may have loaded it since it was found missing.
                        Some(Right::Unguarded) => Joined::Leads { leader, waited: false },
                        Some(right) => return self.missing(key, right, leader),
                        None => self.wait(&mut wait, leader, since).await,
                    },
                    joined => joined,
                },
            };
            match joined {
                Joined::Leads { leader: led, .. } => leader = Some(led),
                Joined::Landed(found) => {
                    self.counters.shared_loads.add_one();
                    return match answer(found) {
                        Some(answer) => Looked::Answer(answer),
                        None => Looked::Load(self.load_over_absence(key, None)),
                    };
                }
                Joined::Failed(error) => {
                    if let Some(answer) = errors.unpack(&error) {
                        self.counters.shared_loads.add_one();
                        return Looked::Answer(answer);
                    }
                }
                Joined::LookAgain => {}
            }
        }
    }

    /// Looks for a caller who waits for nobody: what nobody has kept is the caller's own to load.
    async fn seek_alone<T: CacheValue, R: Loaded<T>>(
        &self,
        key: Key,
        plan: Plan<'_>,
        errors: impl Errors<R>,
        near: Option<Kept<T>>,
        early: Early,
    ) -> Looked<T, R> {
        let how = if near.is_some() { Get::shared() } else { Get::default() };
        let Seen { kept, claim } = self.ask::<T>(&key, how, true, plan, early).await;
        let near = match &claim {
            Claim::Unreachable(error) => {
                if let Some(refused) = errors.refuse(error) {
                    return Looked::Answer(self.stale(near).unwrap_or(refused));
                }
                near
            }
            _ => None,
        };
        if let Some(kept) = kept.or(near) {
            return self.conclude(key, plan, kept, claim).looked(self);
        }
        self.counters.misses.add_one();
        let right = match claim {
            Claim::Won(lease) => Right::Lease(lease),
            Claim::Open(version) => Right::over(version),
            Claim::Taken => Right::Nowhere,
            Claim::Unreachable(_) => Right::Near,
        };
        Looked::Load(self.begin(key, right, None))
    }

    /// Says whether what is kept is the answer, or to be refreshed by the caller.
    pub(super) fn conclude<T>(
        &self,
        key: Key,
        plan: Plan<'_>,
        kept: Kept<T>,
        claim: Claim,
    ) -> Concluded<T> {
        let Kept { found, freshness, cas, ttl_left, .. } = kept;
        let value = match found {
            Found::Value(value) => value,
            Found::Absent => return Concluded::Known { key, found, cas },
        };
        let right = match (freshness, claim) {
            (_, Claim::Won(lease)) => Right::Lease(lease),
            (Freshness::Ending, _) => Right::Early(ttl_left, cas),
            (Freshness::Stale, Claim::Open(cas)) => Right::over(cas),
            (Freshness::Stale, Claim::Unreachable(_)) => Right::Near,
            (Freshness::Fresh, _) | (Freshness::Stale, Claim::Taken) => {
                return Concluded::Known { key, found: Found::Value(value), cas };
            }
        };
        match self.refreshes.begin(&key, plan.throttle_time()) {
            Some(refresh) => {
                Concluded::Refresh(Box::new(self.begin(key, right, None)), Known { value, refresh })
            }
            None => Concluded::Known { key, found: Found::Value(value), cas },
        }
    }

    /// Says whether a stale entry was given to a process that seems to have died.
    pub(super) fn is_left_behind<T>(
        &self,
        key: &Key,
        kept: &Kept<T>,
        claim: &Claim,
        plan: Plan<'_>,
    ) -> bool {
        kept.is_stale()
            && matches!(claim, Claim::Taken)
            && !self.refreshes.gives_way(key, plan.lease_time())
    }

    /// Answers with what is stale here, where nothing may be loaded in its place.
    fn stale<T: CacheValue, R: Loaded<T>>(&self, near: Option<Kept<T>>) -> Option<R> {
        let near = near?;
        self.count_hit(&near);
        answer(near.found)
    }

    fn missing<T, R>(&self, key: Key, right: Right, leader: Leader) -> Looked<T, R> {
        self.counters.misses.add_one();
        Looked::Load(self.begin(key, right, Some(leader)))
    }

    /// Begins a load for a caller whose return type cannot say "there is none", though somebody else
    /// kept that.
    fn load_over_absence(&self, key: Key, cas: Option<CasToken>) -> Load {
        self.begin(key, cas.map_or(Right::Nowhere, Right::Over), None)
    }

    /// Says whether a caller has waited for another process for as long as two of them may have the
    /// lease.
    pub(super) fn has_waited(&self, key: &Key, wait: &Wait, plan: Plan<'_>) -> bool {
        // Were each to wait for loads that bring nothing, all of the fleet would load one by one.
        self.refreshes.is_in_vain(key.as_bytes())
            || self.clock.now().saturating_duration_since(wait.began) >= 2 * plan.lease_time()
    }

    /// Waits a moment for another process on behalf of all who are on the flight, unless another
    /// leader of it is faster.
    async fn wait<T: Clone + 'static>(
        &self,
        wait: &mut Wait,
        leader: Leader,
        since: Moment,
    ) -> Joined<T> {
        let overtaken = timeout(self.next_pause(wait), leader.overtaken(since)).await;
        overtaken.unwrap_or(Joined::Leads { leader, waited: true })
    }

    /// Returns how long to wait for another process until the next look.
    pub(super) fn next_pause(&self, wait: &mut Wait) -> Duration {
        if wait.pause == FIRST_LOOK {
            self.counters.waits.add_one();
        }
        let pause = wait.pause.mul_f64(0.5 + fastrand::f64());
        wait.pause = (wait.pause * 2).min(LAST_LOOK);
        pause
    }
}

impl<T: CacheValue> Concluded<T> {
    fn looked<R: Loaded<T>>(self, core: &Core) -> Looked<T, R> {
        match self {
            Self::Known { key, found, cas } => match answer(found) {
                Some(answer) => Looked::Answer(answer),
                None => Looked::Load(core.load_over_absence(key, cas)),
            },
            Self::Refresh(load, known) => Looked::Refresh(*load, known),
        }
    }
}

/// How long a caller has waited for another process, and how long it will until it looks again.
pub(super) struct Wait {
    began: Instant,
    pause: Duration,
}

impl Wait {
    pub(super) fn new(now: Instant) -> Self {
        Self { began: now, pause: FIRST_LOOK }
    }
}

/// Returns what is known in the loader's return type, if that can say it.
fn answer<T: CacheValue, R: Loaded<T>>(found: Found<T>) -> Option<R> {
    match found {
        Found::Value(value) => Some(R::from_value(value)),
        Found::Absent => R::absent(),
    }
}
