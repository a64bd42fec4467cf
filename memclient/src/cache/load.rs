//! The one path from a call to its answer, for handles and functions, asynchronous and not.
//!
//! ```text
//! near ──hit──────────────────────────────────────────────► answer, without awaiting
//!  │miss
//! flight ──somebody of this process is loading──► wait ───► its answer
//!  │the caller leads
//! backend ──hit──► answer, kept near in its decoded form
//!  │miss, unreadable, or out of order
//! loader ──► value ──► kept, unless an invalidation came between ──► answer
//!          └ error ──► answer, not kept; one of those who wait leads now
//! ```
//!
//! Two steps, [`Core::find`] and [`Core::keep`], with the loader between them: it runs as the
//! caller's own code, on the caller's thread and runtime, in both kinds of call. A cache in trouble
//! never fails a call: a backend that cannot be asked is a miss, a value that cannot be kept is
//! returned all the same, and both are counted.

use std::{future::Future, time::Instant};

use memclient_serde::{CacheValue, DecodeError, Flags, KeyBuf};

use super::{
    core::Core,
    flight::{Joined, Leader},
    found::Found,
    loaded::{Loaded, Produced},
    policy::Policy,
};
use crate::{
    backend::{CacheBackend, Delete, Get, Hit, Read, Set, Tier},
    error::Result,
    events::Event,
    wire::{Key, Ttl, Value},
};

/// What a lookup came to.
enum Lookup<'a, T> {
    Found(Found<T>),
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
    began: Instant,
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
        if let Some(answer) = self.near(key.as_bytes()).and_then(answer) {
            return answer;
        }
        let load = match self.find(key).await {
            Lookup::Found(found) => match answer(found) {
                Some(answer) => return answer,
                // "There is none" cannot be said in this return type: somebody else kept it.
                None => self.begin(Key::from(key)),
            },
            Lookup::Load(load) => load,
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
        if let Some(answer) = self.near(key.as_bytes()).and_then(answer) {
            return answer;
        }
        let Some(executor) = self.executor() else {
            return loader();
        };
        let load = match executor.block_on(self.find(key)) {
            Lookup::Found(found) => match answer(found) {
                Some(answer) => return answer,
                None => self.begin(Key::from(key)),
            },
            Lookup::Load(load) => load,
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

    /// Returns what is known, without loading.
    pub(crate) async fn peek<T: CacheValue>(&self, key: &KeyBuf) -> Result<Option<Found<T>>> {
        if let Some(found) = self.near(key.as_bytes()) {
            return Ok(Some(found));
        }
        self.ask(&Key::from(key)).await
    }

    /// Keeps a value, or `None` for "there is none", whatever is known.
    pub(crate) async fn put<T: CacheValue>(
        &self,
        key: &KeyBuf,
        policy: Policy,
        value: Option<T>,
    ) -> Result<()> {
        let (value, ttl) = match (value, policy.none_ttl()) {
            (Some(value), _) => (self.encode(value, policy, None)?, policy.value_ttl()),
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

    /// Answers from this process's memory.
    fn near<T: CacheValue>(&self, key: &[u8]) -> Option<Found<T>> {
        let mut found = None;
        self.backend().look_local(key, &mut |value| found = read(value).ok());
        let found = found?;
        self.count_hit(&found, Tier::Near);
        Some(found)
    }

    async fn find<T: CacheValue>(&self, key: &KeyBuf) -> Lookup<'_, T> {
        let key = Key::from(key);
        let leader = match self.flights.join(&key).await {
            Joined::Leads(leader) => leader,
            Joined::Landed(found) => {
                self.counters.shared_loads.add_one();
                return Lookup::Found(found);
            }
        };
        let mut load = Load { leader: None, ..self.begin(key) };
        match self.ask::<T>(&load.key).await {
            Ok(Some(found)) => {
                leader.land(found.clone());
                return Lookup::Found(found);
            }
            Ok(None) => {}
            Err(_) => load.reachable = false,
        }
        self.counters.misses.add_one();
        Lookup::Load(Load { leader: Some(leader), ..load })
    }

    /// Asks the backend, and gives it the decoded form to keep in this process.
    async fn ask<T: CacheValue>(&self, key: &Key) -> Result<Option<Found<T>>> {
        let hit = match self.backend().get(key, Get::default()).await {
            Ok(Read::Hit(hit)) => hit,
            Ok(Read::Miss) => {
                self.worked();
                return Ok(None);
            }
            Err(error) => {
                self.failed(&error);
                return Err(error);
            }
        };
        self.worked();
        let Hit { value, tier, .. } = hit;
        match read::<T>(&value) {
            Ok(found) => {
                self.count_hit(&found, tier);
                if let (Found::Value(decoded), None) = (&found, value.decoded::<T>()) {
                    self.backend().keep_decoded(key, &value.clone().with_decoded(decoded.clone()));
                }
                Ok(Some(found))
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
        Load { key, leader: None, generation, reachable: true, began: self.clock.now() }
    }

    /// Keeps what the loader brought, as far as it may be kept, and returns it.
    async fn keep<T: CacheValue, R: Loaded<T>>(
        &self,
        load: Load<'_>,
        policy: Policy,
        produced: Produced<T, R>,
    ) -> R {
        self.counters.loads.add_one();
        let Load { key, leader, generation, reachable, began } = load;
        let (stored, found, answer) = match produced {
            Produced::Value(value) => {
                let stored =
                    self.encode(value.clone(), policy, Some(self.clock.now() - began)).ok();
                let stored = stored.map(|stored| (stored, policy.value_ttl()));
                (stored, Found::Value(value.clone()), R::from_value(value))
            }
            Produced::Absent(answer) => {
                (policy.none_ttl().map(|ttl| (absence(), ttl)), Found::Absent, answer)
            }
            Produced::Uncached(answer) => {
                self.counters.uncached_loads.add_one();
                return answer;
            }
        };
        if let Some((value, ttl)) = stored {
            self.store(&key, value, ttl, generation, reachable).await;
        }
        if let Some(leader) = leader {
            leader.land(found);
        }
        answer
    }

    /// Stores what was loaded, unless what was read meanwhile may be out of date; in this process
    /// alone where the backend cannot be reached.
    async fn store(&self, key: &Key, value: Value, ttl: Ttl, generation: u64, reachable: bool) {
        let current = || self.generations.current(key.as_bytes()) == generation;
        if !current() {
            return;
        }
        let unreachable = if reachable {
            match self.backend().set(key, value.clone(), Set::ttl(ttl)).await {
                Ok(_) => {
                    self.worked();
                    self.counters.stores.add_one();
                    false
                }
                Err(error) => {
                    self.failed(&error);
                    error.is_retryable()
                }
            }
        } else {
            true
        };
        if unreachable {
            self.backend().keep_near(key, value, ttl).await;
        }
        // An invalidation that came while the value was on its way may have been overtaken by it.
        if !current()
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

fn read<T: CacheValue>(value: &Value) -> Result<Found<T>, DecodeError> {
    if value.payload().flags.is_absent() {
        Ok(Found::Absent)
    } else {
        value.decode().map(Found::Value)
    }
}

/// The item that says "there is none".
fn absence() -> Value {
    Value::new(Vec::new(), Flags::from_bits(0).with_absent().with_typed().bits())
}
