//! The path of many keys at once: the same steps as those of one, each taken for all.
//!
//! What is near is answered at once. Of the others, those that nobody of this process is loading are
//! read in one go, and what the backend has not is loaded by one call of the loader and written in
//! one go. Only then are those awaited that other callers are loading: whoever waits has landed its
//! own first, so two batches that share keys do not wait for each other.

use std::{
    collections::{HashMap, HashSet},
    future::Future,
    hash::Hash,
};

use memclient_serde::{CacheValue, KeyBuf};

use super::{
    core::Core,
    flight::{Joined, Leader},
    found::{Found, Kept},
    freshness::Freshness,
    load::{Early, absence},
    policy::Policy,
    refreshes::Refresh,
};
use crate::{
    backend::{CacheBackend, Delete, Get, Set},
    error::Result,
    wire::{Key, Ttl, Value},
};

/// What a loader of many returns: the values by their keys, or an error for all. A key that is not
/// among them has none.
#[diagnostic::on_unimplemented(
    message = "a loader of many cannot return `{Self}`",
    note = "return `HashMap<{K}, {T}>` or `Result<HashMap<{K}, {T}>, E>`"
)]
pub trait LoadedMany<K, T>: Sized {
    /// Returns what was loaded; the error, as the loader's own return type, where nothing was.
    ///
    /// # Errors
    /// What the loader returned, where that is an error.
    fn values(self) -> std::result::Result<HashMap<K, T>, Self>;

    /// Returns what the loader would have returned for these values.
    fn from_values(values: HashMap<K, T>) -> Self;
}

#[expect(clippy::implicit_hasher, reason = "so that `collect` knows which map is meant")]
impl<K, T> LoadedMany<K, T> for HashMap<K, T> {
    fn values(self) -> std::result::Result<HashMap<K, T>, Self> {
        Ok(self)
    }

    fn from_values(values: HashMap<K, T>) -> Self {
        values
    }
}

#[expect(clippy::implicit_hasher, reason = "so that `collect` knows which map is meant")]
impl<K, T, E> LoadedMany<K, T> for std::result::Result<HashMap<K, T>, E> {
    fn values(self) -> std::result::Result<HashMap<K, T>, Self> {
        self.map_err(Err)
    }

    fn from_values(values: HashMap<K, T>) -> Self {
        Ok(values)
    }
}

/// One of the keys that are asked for.
struct Asked<K> {
    key: K,
    wire: KeyBuf,
}

/// One of the keys that are to be loaded.
struct Missing<'a, K, T> {
    key: K,
    wire: Key,
    generation: u64,
    duty: Duty<'a, T>,
}

/// What is owed for a key that is to be loaded.
enum Duty<'a, T> {
    /// To land its flight.
    Land(Leader<'a>),
    /// To refresh it; the stale value is the answer if that fails.
    Refresh(Refresh, T),
}

impl Core {
    /// Returns what is known and fresh, in the order of the keys, without loading.
    pub(super) async fn peek_many<T: CacheValue>(
        &self,
        keys: &[KeyBuf],
        policy: Policy,
    ) -> Vec<Result<Option<T>>> {
        let fresh = |kept: Kept<T>| match kept {
            Kept { freshness: Freshness::Stale, .. } => None,
            Kept { found, .. } => found.into_value(),
        };
        let mut answers: Vec<Option<Result<Option<T>>>> = Vec::with_capacity(keys.len());
        let (mut far, mut places) = (Vec::new(), Vec::new());
        for (place, key) in keys.iter().enumerate() {
            let near = self.near(key.as_bytes(), policy, Early::Never);
            if near.as_ref().is_none_or(|kept| kept.freshness == Freshness::Stale) {
                far.push(Key::from(key));
                places.push(place);
            }
            answers.push(near.map(|kept| Ok(fresh(kept))));
        }
        for (place, kept) in places.into_iter().zip(self.ask_many(&far, policy).await) {
            if let Some(answer) = answers.get_mut(place) {
                *answer = Some(kept.map(|kept| kept.and_then(fresh)));
            }
        }
        answers.into_iter().map(|answer| answer.unwrap_or(Ok(None))).collect()
    }

    /// Answers for many keys from what is known, or from the loader.
    pub(super) async fn get_or_load_many<T, K, R, F, Fut>(
        &self,
        keys: Vec<(K, KeyBuf)>,
        policy: Policy,
        loader: F,
    ) -> R
    where
        T: CacheValue,
        K: Clone + Eq + Hash,
        R: LoadedMany<K, T>,
        F: Fn(Vec<K>) -> Fut,
        Fut: Future<Output = R>,
    {
        let mut known = HashMap::with_capacity(keys.len());
        let mut open: Vec<Asked<K>> = Vec::new();
        let mut seen = HashSet::with_capacity(keys.len());
        for (key, wire) in keys {
            if !seen.insert(key.clone()) {
                continue;
            }
            match self.near::<T>(wire.as_bytes(), policy, Early::Never) {
                Some(kept) if self.may_answer(wire.as_bytes(), &kept) => {
                    known.extend(kept.found.into_value().map(|value| (key, value)));
                }
                _ => open.push(Asked { key, wire }),
            }
        }
        while !open.is_empty() {
            let (missing, waiting) = self.divide(open, policy, &mut known).await;
            if !missing.is_empty()
                && let Err(error) = self.load_many(missing, policy, &loader, &mut known).await
            {
                return error;
            }
            open = Vec::new();
            for asked in waiting {
                let key = Key::from(&asked.wire);
                match self.flights.join::<T>(&key).await {
                    Joined::Landed(found) => {
                        self.counters.shared_loads.add_one();
                        known.extend(found.into_value().map(|value| (asked.key, value)));
                    }
                    // Whoever was loading it has given up.
                    Joined::Leads(_) => open.push(asked),
                }
            }
        }
        R::from_values(known)
    }

    /// Finds what the backend has; returns what is to be loaded, and what others are loading.
    async fn divide<'a, T: CacheValue, K: Clone + Eq + Hash>(
        &'a self,
        open: Vec<Asked<K>>,
        policy: Policy,
        known: &mut HashMap<K, T>,
    ) -> (Vec<Missing<'a, K, T>>, Vec<Asked<K>>) {
        let (mut led, mut waiting) = (Vec::new(), Vec::new());
        for asked in open {
            let wire = Key::from(&asked.wire);
            if let Some(leader) = self.flights.lead(&wire) {
                let generation = self.generations.current(wire.as_bytes());
                led.push((asked.key, wire, generation, leader));
            } else {
                waiting.push(asked);
            }
        }
        let wires: Vec<Key> = led.iter().map(|(_, wire, ..)| wire.clone()).collect();
        let kept = self.ask_many::<T>(&wires, policy).await;
        let mut missing = Vec::new();
        for ((key, wire, generation, leader), kept) in led.into_iter().zip(kept) {
            let Ok(Some(Kept { found, freshness })) = kept else {
                self.counters.misses.add_one();
                missing.push(Missing { key, wire, generation, duty: Duty::Land(leader) });
                continue;
            };
            leader.land(found.clone());
            let Found::Value(value) = found else { continue };
            let refresh = match freshness {
                Freshness::Stale => self.refreshes.begin(&wire, policy.throttle_time()),
                Freshness::Fresh | Freshness::Ending => None,
            };
            if let Some(refresh) = refresh {
                let duty = Duty::Refresh(refresh, value);
                missing.push(Missing { key, wire, generation, duty });
            } else {
                known.insert(key, value);
            }
        }
        (missing, waiting)
    }

    /// Loads what is missing with one call of the loader, and keeps what it brings.
    ///
    /// # Errors
    /// What the loader returned, where that is an error and a key has no stale value to answer with.
    async fn load_many<T, K, R, F, Fut>(
        &self,
        missing: Vec<Missing<'_, K, T>>,
        policy: Policy,
        loader: &F,
        known: &mut HashMap<K, T>,
    ) -> std::result::Result<(), R>
    where
        T: CacheValue,
        K: Clone + Eq + Hash,
        R: LoadedMany<K, T>,
        F: Fn(Vec<K>) -> Fut,
        Fut: Future<Output = R>,
    {
        let began = self.clock.now();
        let refreshes = missing.iter().filter(|one| matches!(one.duty, Duty::Refresh(..))).count();
        self.counters.loads.add_one();
        self.counters.refreshes.add(refreshes);
        let keys = missing.iter().map(|one| one.key.clone()).collect();
        let mut brought = match loader(keys).await.values() {
            Ok(brought) => brought,
            Err(error) => {
                self.counters.uncached_loads.add_one();
                self.counters.failed_refreshes.add(refreshes);
                let all = missing.len();
                for one in missing {
                    if let Duty::Refresh(_, stale) = one.duty {
                        known.insert(one.key, stale);
                    }
                }
                return if refreshes == all { Ok(()) } else { Err(error) };
            }
        };
        let took = self.clock.now() - began;
        let (mut values, mut absences, mut gone) = (Vec::new(), Vec::new(), Vec::new());
        let mut ended = Vec::with_capacity(missing.len());
        for Missing { key, wire, generation, duty } in missing {
            let found = if let Some(value) = brought.remove(&key) {
                if let Ok(stored) = self.encode(value.clone(), policy, Some(took)) {
                    values.push((wire, stored, generation));
                }
                known.insert(key, value.clone());
                Found::Value(value)
            } else {
                match &duty {
                    _ if policy.none_ttl().is_some() => {
                        absences.push((wire, absence(), generation));
                    }
                    // It is known now that there is none, and the stale value would say otherwise.
                    Duty::Refresh(..) => gone.push(wire),
                    Duty::Land(_) => {}
                }
                Found::Absent
            };
            ended.push((duty, found));
        }
        self.store_many(values, policy.stored_ttl()).await;
        self.store_many(absences, policy.none_ttl().unwrap_or_default()).await;
        for key in gone {
            _ = self.change(&key, self.backend().delete(&key, Delete::default())).await;
        }
        for (duty, found) in ended {
            match duty {
                Duty::Land(flight) => flight.land(found),
                Duty::Refresh(refresh, _) => refresh.succeed(),
            }
        }
        Ok(())
    }

    /// Asks the backend for many keys in one go; what is near was looked at before.
    async fn ask_many<T: CacheValue>(
        &self,
        keys: &[Key],
        policy: Policy,
    ) -> Vec<Result<Option<Kept<T>>>> {
        if keys.is_empty() {
            return Vec::new();
        }
        let answers = self.backend().get_many(keys, Get::shared()).await;
        let hear = |(key, answer)| self.hear(key, answer, policy, Early::Never);
        keys.iter().zip(answers).map(hear).collect()
    }

    /// Stores what was loaded in one go, each unless what was read meanwhile may be out of date.
    async fn store_many(&self, mut entries: Vec<(Key, Value, u64)>, ttl: Ttl) {
        entries.retain(|(key, _, generation)| self.is_current(key, *generation));
        if entries.is_empty() {
            return;
        }
        let how = Set::ttl(ttl);
        let written = entries.iter().map(|(key, value, _)| (key.clone(), value.clone(), how));
        let outcomes = self.backend().set_many(written.collect()).await;
        for ((key, value, generation), outcome) in entries.into_iter().zip(outcomes) {
            self.settle(&key, value, ttl, generation, Some(outcome)).await;
        }
    }
}
