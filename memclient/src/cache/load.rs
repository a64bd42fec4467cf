//! The one path from a call to its answer, for handles and functions, asynchronous and not.
//!
//! ```text
//! near ──fresh────────────────────────────────────────────► answer, without awaiting
//!  │miss, or stale
//! flight ──somebody of this process is loading──► wait ───► its answer
//!  │the caller leads
//! backend ──fresh──► answer, kept near in its decoded form
//!  │      ├ another process has the lease ──► wait ──► ask again
//!  │      └ stale ──► answer; one caller loads it again, and answers the stale one if that fails
//!  │miss, unreadable, or out of order
//! loader ──► value ──► kept, unless an invalidation came between ──► answer
//!          └ error ──► answer, not kept; one of those who wait leads now
//! ```
//!
//! Two steps, [`Core::look`] and [`Core::keep`], with the loader between them: it runs as the
//! caller's own code, on the caller's thread and runtime, in both kinds of call; only a call that
//! says so has it run in the background. A cache in trouble never fails a call: a backend that cannot
//! be asked is a miss, a value that cannot be kept is returned all the same, and both are counted.

use std::{
    future::Future,
    sync::Arc,
    time::{Duration, Instant},
};

use memclient_serde::{CacheValue, DecodeError, Flags, KeyBuf};
use tokio::{
    runtime::Handle,
    sync::oneshot,
    time::{sleep, timeout},
};

use super::{
    core::Core,
    flight::{Joined, Leader},
    found::{Found, Kept},
    freshness::{self, Freshness},
    held::HeldLease,
    loaded::{Loaded, Produced},
    policy::Policy,
    refreshes::Refresh,
};
use crate::{
    backend::{CacheBackend, Capabilities, Delete, Get, Hit, Read, Set, Tier, Written},
    error::Result,
    events::Event,
    wire::{Key, Touched, Ttl, Value},
};

/// How soon, and then how often, a process looks whether another one has loaded.
const FIRST_LOOK: Duration = Duration::from_millis(2);
const LAST_LOOK: Duration = Duration::from_millis(50);

/// What a look at what is kept came to.
enum Looked<'a, T> {
    /// An answer, for which nothing is to be done.
    Found(Found<T>),
    /// An answer that the caller is to refresh.
    Refresh(T, Refresh, Option<HeldLease>),
    Load(Load<'a>),
}

/// A load that is to begin.
struct Load<'a> {
    key: Key,
    /// Absent for a refresh, which shares nothing.
    leader: Option<Leader<'a>>,
    generation: u64,
    /// A backend that could not be read just now is not written either: that would be a second wait.
    reachable: bool,
    /// The right to load it, where the backend gives one to one process at a time.
    lease: Option<HeldLease>,
    /// Whether another process has that right, and this one has waited long enough for it.
    overtakes: bool,
    began: Instant,
}

/// What the backend answered to one who may load.
struct Asked<T> {
    kept: Option<Kept<T>>,
    lease: Option<HeldLease>,
    /// Whether another process is loading it.
    elsewhere: bool,
}

/// When a value that is still fresh is refreshed.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(super) enum Early {
    Never,
    /// Where the policy says so: nobody has to wait for it.
    Allowed,
}

impl Core {
    /// Answers from what is known, or from the loader.
    pub(crate) async fn get_or_load<T, R, F, Fut>(
        &self,
        key: &KeyBuf,
        policy: Policy,
        loader: F,
    ) -> R
    where
        T: CacheValue,
        R: Loaded<T>,
        F: FnOnce() -> Fut,
        Fut: Future<Output = R>,
    {
        let load = match self.look::<T>(key, policy, Early::Never).await {
            Looked::Found(found) => match answer(found) {
                Some(answer) => return answer,
                // "There is none" cannot be said in this return type: somebody else kept it.
                None => self.begin(Key::from(key)),
            },
            Looked::Refresh(stale, refresh, lease) => {
                let load = Load { lease, ..self.begin(Key::from(key)) };
                let produced = match policy.patience() {
                    Some(patience) => timeout(patience, loader()).await.ok(),
                    None => Some(loader().await),
                };
                let produced = produced.map(R::produced);
                return self.replace(load, policy, refresh, produced).await.or_stale(stale);
            }
            Looked::Load(load) => load,
        };
        let produced = loader().await.produced();
        self.keep(load, policy, produced).await
    }

    /// As [`Core::get_or_load`], with a loader that runs in the background where there is something
    /// to answer meanwhile.
    pub(crate) async fn get_or_load_in_background<T, R, F, Fut>(
        self: &Arc<Self>,
        key: &KeyBuf,
        policy: Policy,
        loader: F,
    ) -> R
    where
        T: CacheValue,
        R: Loaded<T> + Send + 'static,
        F: FnOnce() -> Fut + Send + 'static,
        Fut: Future<Output = R> + Send + 'static,
    {
        let load = match self.look::<T>(key, policy, Early::Allowed).await {
            Looked::Found(found) => match answer(found) {
                Some(answer) => return answer,
                None => self.begin(Key::from(key)),
            },
            Looked::Refresh(known, refresh, lease) => {
                let (tell, told) = oneshot::channel();
                let (core, key) = (Arc::clone(self), Key::from(key));
                let task = async move {
                    let load = Load { lease, ..core.begin(key) };
                    let produced = timeout(policy.background_timeout(), loader()).await.ok();
                    let produced = produced.map(R::produced);
                    let replaced = core.replace(load, policy, refresh, produced).await;
                    // Whoever asked may have had its answer already.
                    _ = tell.send(replaced);
                };
                match Handle::try_current() {
                    Ok(runtime) => _ = runtime.spawn(task),
                    Err(_) => self.spawn(task),
                }
                let replaced = match policy.patience() {
                    Some(patience) => timeout(patience, told).await.ok().and_then(Result::ok),
                    None => None,
                };
                return replaced.flatten().or_stale(known);
            }
            Looked::Load(load) => load,
        };
        let produced = loader().await.produced();
        self.keep(load, policy, produced).await
    }

    /// The twin of [`Core::get_or_load`] for synchronous loaders.
    pub(crate) fn get_or_load_blocking<T: CacheValue, R: Loaded<T>>(
        &self,
        key: &KeyBuf,
        policy: Policy,
        loader: impl FnOnce() -> R,
    ) -> R {
        if let Some(answer) = self.near_answer(key.as_bytes(), policy) {
            return answer;
        }
        let Some(executor) = self.executor() else {
            return loader();
        };
        let load = match executor.block_on(self.look::<T>(key, policy, Early::Never)) {
            Looked::Found(found) => match answer(found) {
                Some(answer) => return answer,
                None => self.begin(Key::from(key)),
            },
            Looked::Refresh(stale, refresh, lease) => {
                let load = Load { lease, ..self.begin(Key::from(key)) };
                let produced = Some(loader().produced());
                let replaced = executor.block_on(self.replace(load, policy, refresh, produced));
                return replaced.or_stale(stale);
            }
            Looked::Load(load) => load,
        };
        let produced = loader().produced();
        executor.block_on(self.keep(load, policy, produced))
    }

    /// Runs the loader whatever is known, and keeps what it brings.
    pub(crate) async fn refresh<T, R, F, Fut>(&self, key: &KeyBuf, policy: Policy, loader: F) -> R
    where
        T: CacheValue,
        R: Loaded<T>,
        F: FnOnce() -> Fut,
        Fut: Future<Output = R>,
    {
        let load = self.begin(Key::from(key));
        let produced = loader().await.produced();
        self.keep(load, policy, produced).await
    }

    /// The twin of [`Core::refresh`] for synchronous loaders.
    pub(crate) fn refresh_blocking<T: CacheValue, R: Loaded<T>>(
        &self,
        key: &KeyBuf,
        policy: Policy,
        loader: impl FnOnce() -> R,
    ) -> R {
        let load = self.begin(Key::from(key));
        let produced = loader().produced();
        match self.executor() {
            Some(executor) => executor.block_on(self.keep(load, policy, produced)),
            None => produced.into_answer(),
        }
    }

    /// Returns what is known and fresh, without loading.
    pub(crate) async fn peek<T: CacheValue>(
        &self,
        key: &KeyBuf,
        policy: Policy,
    ) -> Result<Option<Found<T>>> {
        let kept = self.lookup(key, policy).await?;
        Ok(kept.filter(|kept| kept.freshness != Freshness::Stale).map(|kept| kept.found))
    }

    /// Returns what is known, without loading.
    pub(super) async fn lookup<T: CacheValue>(
        &self,
        key: &KeyBuf,
        policy: Policy,
    ) -> Result<Option<Kept<T>>> {
        let near = self.near(key.as_bytes(), policy, Early::Never);
        if near.as_ref().is_some_and(|kept| kept.freshness != Freshness::Stale) {
            return Ok(near);
        }
        // What is stale here may have been refreshed elsewhere.
        let how = if near.is_some() { Get::shared() } else { Get::default() };
        self.ask(&Key::from(key), policy, how, Early::Never).await
    }

    /// Keeps a value, or `None` for "there is none", whatever is known.
    pub(crate) async fn put<T: CacheValue>(
        &self,
        key: &KeyBuf,
        policy: Policy,
        value: Option<T>,
    ) -> Result<()> {
        let (value, ttl) = match (value, policy.none_ttl()) {
            (Some(value), _) => (self.encode(value, policy, None)?, policy.stored_ttl()),
            (None, Some(ttl)) => (absence(), ttl),
            (None, None) => return self.invalidate(key).await,
        };
        let key = Key::from(key);
        let written = self.change(&key, self.backend().set(&key, value, Set::ttl(ttl))).await?;
        if written.is_stored() {
            self.counters.stores.add_one();
        }
        Ok(())
    }

    /// Removes what is known; loads under way are not kept.
    pub(crate) async fn invalidate(&self, key: &KeyBuf) -> Result<()> {
        let key = Key::from(key);
        self.counters.invalidations.add_one();
        self.change(&key, self.backend().delete(&key, Delete::default())).await.map(|_| ())
    }

    /// Gives what is kept its whole time to live again.
    pub(super) async fn touch(&self, key: &KeyBuf, policy: Policy) -> Result<bool> {
        let key = Key::from(key);
        let touched = self.change(&key, self.backend().touch(&key, policy.stored_ttl())).await?;
        Ok(touched == Touched::Touched)
    }

    /// Answers from this process's memory, if what is there is fresh, or stale and already being
    /// seen to.
    fn near_answer<T: CacheValue, R: Loaded<T>>(&self, key: &[u8], policy: Policy) -> Option<R> {
        let kept = self.near(key, policy, Early::Never)?;
        if self.may_answer(key, &kept) { answer(kept.found) } else { None }
    }

    /// Says whether what is near is an answer: it is fresh, or stale and already being seen to.
    pub(super) fn may_answer<T>(&self, key: &[u8], near: &Kept<T>) -> bool {
        if near.freshness != Freshness::Stale {
            return true;
        }
        let seen_to = self.refreshes.holds(key);
        if seen_to {
            self.count_hit(near, Tier::Near);
        }
        seen_to
    }

    /// Returns what is in this process's memory, and counts it unless it is stale.
    pub(super) fn near<T: CacheValue>(
        &self,
        key: &[u8],
        policy: Policy,
        early: Early,
    ) -> Option<Kept<T>> {
        let ages =
            !policy.grace_time().is_zero() || (early == Early::Allowed && policy.refreshes_early());
        let kept = if ages {
            read(&self.backend().local(key)?, policy, early).ok()?
        } else {
            let mut found = None;
            self.backend().look_local(key, &mut |value| found = decode(value).ok());
            Kept { found: found?, freshness: Freshness::Fresh }
        };
        if kept.freshness != Freshness::Stale {
            self.count_hit(&kept, Tier::Near);
        }
        Some(kept)
    }

    /// Looks for an answer here, and then where processes share it.
    async fn look<T: CacheValue>(
        &self,
        key: &KeyBuf,
        policy: Policy,
        early: Early,
    ) -> Looked<'_, T> {
        let Some(near) = self.near(key.as_bytes(), policy, early) else {
            return self.find(key, policy, None, early).await;
        };
        match near.freshness {
            Freshness::Ending => self.aging(&Key::from(key), policy, near.found, None),
            _ if self.may_answer(key.as_bytes(), &near) => Looked::Found(near.found),
            _ => self.find(key, policy, Some(near.found), early).await,
        }
    }

    /// Looks where processes share it; `near` is a stale answer that is here.
    async fn find<T: CacheValue>(
        &self,
        key: &KeyBuf,
        policy: Policy,
        near: Option<Found<T>>,
        early: Early,
    ) -> Looked<'_, T> {
        let key = Key::from(key);
        let leader = match self.flights.join(&key).await {
            Joined::Leads(leader) => leader,
            Joined::Landed(found) => {
                self.counters.shared_loads.add_one();
                return Looked::Found(found);
            }
        };
        let mut load = self.begin(key);
        let how = if near.is_some() { Get::shared() } else { Get::default() };
        let asked = self.ask_to_load::<T>(&load.key, policy, how, early).await;
        load.reachable = asked.is_ok();
        let Asked { kept, lease, elsewhere } = asked.unwrap_or_else(|_| Asked {
            kept: near.map(|found| Kept { found, freshness: Freshness::Stale }),
            lease: None,
            elsewhere: false,
        });
        let Some(Kept { found, freshness }) = kept else {
            self.counters.misses.add_one();
            return Looked::Load(Load {
                leader: Some(leader),
                lease,
                overtakes: elsewhere,
                ..load
            });
        };
        // Those who wait need no better answer than this one has.
        leader.land(found.clone());
        match (freshness, lease) {
            (Freshness::Fresh, None) => Looked::Found(found),
            (Freshness::Stale, None) if elsewhere && self.gives_way(&load.key, policy) => {
                Looked::Found(found)
            }
            (_, lease) => self.aging(&load.key, policy, found, lease),
        }
    }

    /// Asks the backend for the entry or for the right to load it, and waits while another process
    /// has that, for as long as two of them may have it.
    async fn ask_to_load<T: CacheValue>(
        &self,
        key: &Key,
        policy: Policy,
        how: Get,
        early: Early,
    ) -> Result<Asked<T>> {
        // What is being refreshed here, or failed to be just now, is not to be won again.
        let asks = !self.refreshes.holds(key.as_bytes());
        let how = if asks { how.with_lease(policy.lease_terms()) } else { how };
        // Were each to wait for loads that bring nothing, all of the fleet would load one by one.
        let in_vain = self.refreshes.is_in_vain(key.as_bytes());
        let patience = if in_vain { Duration::ZERO } else { 2 * policy.lease_time() };
        let (began, mut pause) = (Instant::now(), FIRST_LOOK);
        loop {
            let answer = self.backend().get(key, how).await;
            let lease = answer.as_ref().ok().and_then(Read::won);
            let lease = lease.map(|lease| HeldLease::new(self.backend(), key, lease));
            let taken = matches!(answer, Ok(Read::Held | Read::Stale(_)));
            let kept = self.hear(key, answer, policy, early)?;
            let stale = kept.as_ref().is_some_and(|kept| kept.freshness == Freshness::Stale);
            // What is past its time to live was given to somebody, if not to this process.
            let elsewhere = taken || lease.is_none() && asks && stale && self.has_leases();
            if !taken || kept.is_some() || began.elapsed() >= patience {
                return Ok(Asked { kept, lease, elsewhere });
            }
            if pause == FIRST_LOOK {
                self.counters.waits.add_one();
            }
            sleep(pause.mul_f64(0.5 + fastrand::f64())).await;
            pause = (pause * 2).min(LAST_LOOK);
        }
    }

    fn has_leases(&self) -> bool {
        self.backend().capabilities().contains(Capabilities::LEASE)
    }

    /// Says whether to leave a stale entry to the process that has its lease, which may have ended.
    fn gives_way(&self, key: &Key, policy: Policy) -> bool {
        self.refreshes.gives_way(key, policy.lease_time())
    }

    /// Answers with what is stale or about to end, and has the caller refresh it unless that is
    /// being seen to.
    fn aging<T>(
        &self,
        key: &Key,
        policy: Policy,
        found: Found<T>,
        lease: Option<HeldLease>,
    ) -> Looked<'_, T> {
        match found {
            Found::Value(value) => match self.refreshes.begin(key, policy.throttle_time()) {
                Some(refresh) => Looked::Refresh(value, refresh, lease),
                None => Looked::Found(Found::Value(value)),
            },
            Found::Absent => Looked::Found(Found::Absent),
        }
    }

    async fn ask<T: CacheValue>(
        &self,
        key: &Key,
        policy: Policy,
        how: Get,
        early: Early,
    ) -> Result<Option<Kept<T>>> {
        self.hear(key, self.backend().get(key, how).await, policy, early)
    }

    /// Takes in what the backend answered, and gives it the decoded form to keep in this process.
    pub(super) fn hear<T: CacheValue>(
        &self,
        key: &Key,
        answer: Result<Read>,
        policy: Policy,
        early: Early,
    ) -> Result<Option<Kept<T>>> {
        let (hit, marked) = match answer {
            Ok(Read::Hit(hit) | Read::Refresh(hit, _)) => (hit, false),
            // It stays readable for the sake of those who may answer what is stale.
            Ok(Read::Stale(hit) | Read::StaleWon(hit, _)) if policy.answers_stale() => (hit, true),
            Ok(_) => {
                self.worked();
                return Ok(None);
            }
            Err(error) => {
                self.failed(&error);
                return Err(error);
            }
        };
        self.worked();
        match read::<T>(&hit, policy, early) {
            Ok(mut kept) => {
                if marked {
                    kept.freshness = Freshness::Stale;
                }
                self.count_hit(&kept, hit.tier);
                let value = hit.value;
                if let (Found::Value(decoded), None) = (&kept.found, value.decoded::<T>()) {
                    self.backend().keep_decoded(key, &value.clone().with_decoded(decoded.clone()));
                }
                Ok(Some(kept))
            }
            Err(error) => {
                self.counters.undecodable.add_one();
                self.tell(&Event::Undecodable { key, error: &error });
                Ok(None)
            }
        }
    }

    fn begin(&self, key: Key) -> Load<'_> {
        let generation = self.generations.current(key.as_bytes());
        Load {
            key,
            leader: None,
            generation,
            reachable: true,
            lease: None,
            overtakes: false,
            began: self.clock.now(),
        }
    }

    /// Keeps what the loader brought, as far as it may be kept, and returns it.
    async fn keep<T: CacheValue, R: Loaded<T>>(
        &self,
        load: Load<'_>,
        policy: Policy,
        produced: Produced<T, R>,
    ) -> R {
        self.counters.loads.add_one();
        let Load { key, leader, generation, reachable, lease, overtakes, began } = load;
        let (stored, found, answer) = match produced {
            Produced::Value(value) => {
                let took = self.clock.now() - began;
                let stored = self.encode(value.clone(), policy, Some(took)).ok();
                let stored = stored.map(|stored| (stored, policy.stored_ttl()));
                (stored, Found::Value(value.clone()), R::from_value(value))
            }
            Produced::Absent(answer) => {
                (policy.none_ttl().map(|ttl| (absence(), ttl)), Found::Absent, answer)
            }
            Produced::Uncached(answer) => {
                self.counters.uncached_loads.add_one();
                self.refreshes.note_in_vain(&key, policy.throttle_time());
                return answer;
            }
        };
        if stored.is_none() {
            self.refreshes.note_in_vain(&key, policy.throttle_time());
        }
        if let Some((value, ttl)) = stored
            && !overtakes
        {
            self.store(&key, value, ttl, generation, reachable, lease).await;
        }
        if let Some(leader) = leader {
            leader.land(found);
        }
        answer
    }

    /// Keeps what a refresh brought, if it brought anything; `None` is for the stale answer.
    async fn replace<T: CacheValue, R: Loaded<T>>(
        &self,
        load: Load<'_>,
        policy: Policy,
        refresh: Refresh,
        produced: Option<Produced<T, R>>,
    ) -> Option<R> {
        self.counters.refreshes.add_one();
        let produced = match produced {
            Some(produced @ (Produced::Value(_) | Produced::Absent(_))) => produced,
            failed => {
                self.counters.loads.add_one();
                if failed.is_some() {
                    self.counters.uncached_loads.add_one();
                }
                self.counters.failed_refreshes.add_one();
                self.tell(&Event::RefreshFailed { key: &load.key, gave_up: failed.is_none() });
                return None;
            }
        };
        if matches!(produced, Produced::Absent(_)) && policy.none_ttl().is_none() {
            // It is known now that there is none, and the stale value would say otherwise.
            let gone = self.change(&load.key, self.backend().delete(&load.key, Delete::default()));
            _ = gone.await;
        }
        let answer = self.keep(load, policy, produced).await;
        refresh.succeed();
        Some(answer)
    }

    /// Stores what was loaded, unless what was read meanwhile may be out of date; in this process
    /// alone where the backend cannot be reached.
    async fn store(
        &self,
        key: &Key,
        value: Value,
        ttl: Ttl,
        generation: u64,
        reachable: bool,
        lease: Option<HeldLease>,
    ) {
        if !self.is_current(key, generation) {
            return;
        }
        let outcome = if reachable {
            let version = lease.as_ref().and_then(HeldLease::version);
            let how = Set { cas: version, ..Set::ttl(ttl) };
            Some(self.backend().set(key, value.clone(), how).await)
        } else {
            None
        };
        if let (Some(lease), Some(Ok(_))) = (lease, &outcome) {
            lease.end();
        }
        self.settle(key, value, ttl, generation, outcome).await;
    }

    /// Says whether nothing was written or invalidated since the key had this generation.
    pub(super) fn is_current(&self, key: &Key, generation: u64) -> bool {
        self.generations.current(key.as_bytes()) == generation
    }

    /// Does what remains after a value was stored, or could not be: `None` where the backend cannot
    /// be reached.
    pub(super) async fn settle(
        &self,
        key: &Key,
        value: Value,
        ttl: Ttl,
        generation: u64,
        outcome: Option<Result<Written>>,
    ) {
        let unreachable = match outcome {
            Some(Ok(written)) => {
                self.worked();
                if written.is_stored() {
                    self.counters.stores.add_one();
                } else {
                    self.counters.lost_leases.add_one();
                }
                false
            }
            Some(Err(error)) => {
                self.failed(&error);
                error.is_retryable()
            }
            None => true,
        };
        if unreachable {
            self.backend().keep_near(key, value, ttl).await;
        }
        // An invalidation that came while the value was on its way may have been overtaken by it.
        if !self.is_current(key, generation)
            && let Err(error) = self.backend().delete(key, Delete::default()).await
        {
            self.failed(&error);
        }
    }
}

/// Returns what is known in the loader's return type, if that can say it.
fn answer<T: CacheValue, R: Loaded<T>>(found: Found<T>) -> Option<R> {
    match found {
        Found::Value(value) => Some(R::from_value(value)),
        Found::Absent => R::absent(),
    }
}

/// Decodes what was found, and judges how fresh it is.
fn read<T: CacheValue>(hit: &Hit, policy: Policy, early: Early) -> Result<Kept<T>, DecodeError> {
    let found = decode(&hit.value)?;
    if matches!(found, Found::Absent) {
        // What says "there is none" has no grace, and costs little to find out again.
        return Ok(Kept { found, freshness: Freshness::Fresh });
    }
    let load_time = match early {
        Early::Allowed if policy.refreshes_early() => hit.value.payload().flags.load_time(),
        Early::Allowed | Early::Never => None,
    };
    let chance = if load_time.is_some() { 1.0 - fastrand::f64() } else { 1.0 };
    let freshness = freshness::judge(hit.ttl_left, policy.grace_time(), load_time, chance);
    Ok(Kept { found, freshness })
}

fn decode<T: CacheValue>(value: &Value) -> Result<Found<T>, DecodeError> {
    if value.payload().flags.is_absent() {
        Ok(Found::Absent)
    } else {
        value.decode().map(Found::Value)
    }
}

/// A refresh's answer, or the one that was to be refreshed.
trait OrStale<T> {
    type Answer;

    fn or_stale(self, stale: T) -> Self::Answer;
}

impl<T, R: Loaded<T>> OrStale<T> for Option<R> {
    type Answer = R;

    fn or_stale(self, stale: T) -> R {
        self.unwrap_or_else(|| R::from_value(stale))
    }
}

/// The item that says "there is none".
pub(super) fn absence() -> Value {
    Value::new(Vec::new(), Flags::from_bits(0).with_absent().with_typed().bits())
}
