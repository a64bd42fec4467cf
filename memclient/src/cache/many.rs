//! The path of many keys at once: the same steps as those of one, each taken for all.
//!
//! What is near is answered at once. The others are asked of the backend in one go, and what this
//! caller may load is loaded by one call of the loader and written in one go. Only then are those
//! awaited that other callers or processes are loading: whoever waits has landed its own first, so
//! two batches that share keys do not wait for each other.

use std::{
    collections::{HashMap, HashSet},
    future::Future,
    hash::Hash,
};

use memclient_serde::{CacheValue, KeyBuf};
use tokio::time::sleep;

use super::{
    ask::{Claim, Seen},
    begin::Load,
    core::Core,
    fill::{Done, Right},
    flight::Watched,
    found::{Early, Found},
    look::{Concluded, Known, Wait},
    plan::Plan,
};
use crate::{backend::Get, error::Error, wire::Key};

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
    fn values(self) -> Result<HashMap<K, T>, Self>;

    /// Returns what the loader would have returned for these values.
    fn from_values(values: HashMap<K, T>) -> Self;
}

#[expect(clippy::implicit_hasher, reason = "so that `collect` knows which map is meant")]
impl<K, T> LoadedMany<K, T> for HashMap<K, T> {
    fn values(self) -> Result<HashMap<K, T>, Self> {
        Ok(self)
    }

    fn from_values(values: HashMap<K, T>) -> Self {
        values
    }
}

#[expect(clippy::implicit_hasher, reason = "so that `collect` knows which map is meant")]
impl<K, T, E> LoadedMany<K, T> for Result<HashMap<K, T>, E> {
    fn values(self) -> Result<HashMap<K, T>, Self> {
        self.map_err(Err)
    }

    fn from_values(values: HashMap<K, T>) -> Self {
        Ok(values)
    }
}

/// One of the keys that are asked for.
struct Asked<K> {
    key: K,
    wire: Key,
}

/// One of the keys that are to be loaded.
struct Missing<K, T> {
    key: K,
    load: Load,
    /// What is answered where the load brings nothing.
    known: Option<Known<T>>,
}

impl Core {
    /// Answers for many keys from what is known, or from the loader; `refuse`, if there is one, says
    /// what is answered where the backend cannot be asked.
    pub(crate) async fn get_or_load_many<T, K, R, F, Fut>(
        &self,
        keys: Vec<(K, KeyBuf)>,
        plan: Plan<'_>,
        refuse: Option<impl Fn(Error) -> R>,
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
            match self.near::<T>(wire.as_bytes(), plan, Early::Never) {
                Some(kept) if !kept.is_stale() || self.is_seen_to(wire.as_bytes(), &kept) => {
                    known.extend(kept.found.into_value().map(|value| (key, value)));
                }
                _ => open.push(Asked { key, wire: Key::from(&wire) }),
            }
        }
        let since = self.flights.moment();
        let mut wait = Wait::new(self.clock.now());
        while !open.is_empty() {
            let divided =
                Box::pin(self.divide(open, plan, refuse.as_ref(), &wait, &mut known)).await;
            let (missing, waiting) = match divided {
                Ok(divided) => divided,
                Err(refused) => return refused,
            };
            if !missing.is_empty()
                && let Err(error) =
                    Box::pin(self.load_many(missing, plan, &loader, &mut known)).await
            {
                return error;
            }
            open = Vec::new();
            let mut elsewhere = false;
            for asked in waiting {
                match self.flights.watch::<T>(&asked.wire, since).await {
                    Watched::Landed(found) => {
                        self.counters.shared_loads.add_one();
                        known.extend(found.into_value().map(|value| (asked.key, value)));
                    }
                    Watched::Over => open.push(asked),
                    Watched::NoFlight => {
                        elsewhere = true;
                        open.push(asked);
                    }
                }
            }
            if elsewhere {
                sleep(self.next_pause(&mut wait)).await;
            }
        }
        R::from_values(known)
    }

    /// Finds what the backend has; returns what is to be loaded, and what others are loading.
    ///
    /// # Errors
    /// What `refuse` makes of a backend that cannot be asked. What was won meanwhile goes back.
    async fn divide<T: CacheValue, K: Clone + Eq + Hash, R>(
        &self,
        open: Vec<Asked<K>>,
        plan: Plan<'_>,
        refuse: Option<&impl Fn(Error) -> R>,
        wait: &Wait,
        known: &mut HashMap<K, T>,
    ) -> Result<(Vec<Missing<K, T>>, Vec<Asked<K>>), R> {
        let (mut missing, mut waiting) = (Vec::new(), Vec::new());
        for (asked, seen) in self.ask_many::<T, K>(open, plan).await {
            let Asked { key, wire } = asked;
            let (right, leader) = match seen {
                Seen { kept: Some(kept), claim } => {
                    if self.is_left_behind(&wire, &kept, &claim, plan) {
                        self.offer_again(&wire, &kept, plan).await;
                        waiting.push(Asked { key, wire });
                        continue;
                    }
                    match self.conclude(wire, plan, kept, claim) {
                        Concluded::Known { found, .. } => {
                            known.extend(found.into_value().map(|value| (key, value)));
                        }
                        Concluded::Refresh(load, known) => {
                            missing.push(Missing { key, load: *load, known: Some(known) });
                        }
                    }
                    continue;
                }
                Seen { claim: Claim::Won(lease), .. } => {
                    (Right::Lease(lease), Some(self.flights.lead(&wire)))
                }
                Seen { claim: Claim::Taken, .. } if self.has_waited(&wire, wait, plan) => {
                    (Right::Nowhere, self.flights.lead_first(&wire))
                }
                Seen { claim: Claim::Taken, .. } => (Right::Nowhere, None),
                Seen { claim: Claim::Open(Some(unreadable)), .. }
                    if self.discard(&wire, unreadable).await =>
                {
                    (Right::Nowhere, None)
                }
                Seen { claim: Claim::Open(cas), .. } => {
                    (Right::over(cas), self.flights.lead_first(&wire))
                }
                Seen { claim: Claim::Unreachable(error), .. } => {
                    if let Some(refuse) = refuse {
                        return Err(refuse(error));
                    }
                    (Right::Near, self.flights.lead_first(&wire))
                }
            };
            if let Some(leader) = leader {
                self.counters.misses.add_one();
                let load = self.begin(wire, right, Some(leader));
                missing.push(Missing { key, load, known: None });
            } else {
                waiting.push(Asked { key, wire });
            }
        }
        Ok((missing, waiting))
    }

    /// Asks the backend for many keys, and for the right to load them.
    async fn ask_many<T: CacheValue, K>(
        &self,
        open: Vec<Asked<K>>,
        plan: Plan<'_>,
    ) -> Vec<(Asked<K>, Seen<T>)> {
        let held = |asked: &Asked<K>| self.refreshes.holds(asked.wire.as_bytes());
        let ask = async |open: Vec<Asked<K>>, asks| {
            let keys: Vec<Key> = open.iter().map(|asked| asked.wire.clone()).collect();
            let seen = self.ask_all(&keys, Get::shared(), asks, plan, Early::Never).await;
            open.into_iter().zip(seen).collect::<Vec<_>>()
        };
        // What is being refreshed here, or failed to be just now, is not to be won again, unless it
        // is gone.
        let (held, mut asking): (Vec<_>, Vec<_>) = open.into_iter().partition(held);
        let (mut seen, mut gone) = (Vec::new(), Vec::new());
        for (asked, one) in ask(held, false).await {
            match one {
                Seen { kept: None, claim: Claim::Open(None) } if self.has_leases() => {
                    gone.push(asked);
                }
                one => seen.push((asked, one)),
            }
        }
        asking.extend(gone);
        seen.extend(ask(asking, true).await);
        seen
    }

    /// Loads what is missing with one call of the loader, and keeps what it brings.
    ///
    /// # Errors
    /// What the loader returned, where that is an error and a key has no stale value to answer with.
    async fn load_many<T, K, R, F, Fut>(
        &self,
        missing: Vec<Missing<K, T>>,
        plan: Plan<'_>,
        loader: &F,
        known: &mut HashMap<K, T>,
    ) -> Result<(), R>
    where
        T: CacheValue,
        K: Clone + Eq + Hash,
        R: LoadedMany<K, T>,
        F: Fn(Vec<K>) -> Fut,
        Fut: Future<Output = R>,
    {
        let tags = self.tag_generations(plan).await.unwrap_or_default();
        let began = self.clock.now();
        let refreshes = missing.iter().filter(|one| one.known.is_some()).count();
        self.counters.loads.add_one();
        self.counters.refreshes.add(refreshes);
        let keys = missing.iter().map(|one| one.key.clone()).collect();
        let mut brought = match loader(keys).await.values() {
            Ok(brought) => brought,
            Err(error) => {
                self.counters.uncached_loads.add_one();
                self.counters.failed_refreshes.add(refreshes);
                let all = missing.len();
                for Missing { key, load, known: stale } in missing {
                    if let Some(stale) = stale {
                        known.insert(key, stale.value);
                    }
                    if let Some(leader) = load.leader {
                        self.refreshes.note_in_vain(&load.key, plan.throttle_time());
                        leader.fail(None);
                    }
                }
                return if refreshes == all { Ok(()) } else { Err(error) };
            }
        };
        let took = self.clock.now().saturating_duration_since(began);
        let (mut done, mut ends) = (Vec::new(), Vec::new());
        for Missing { key, load, known: stale } in missing {
            let Load { key: wire, right, leader, generation, moment, .. } = load;
            let (outcome, found) = match brought.remove(&key) {
                Some(value) => {
                    known.insert(key, value.clone());
                    (self.outcome(&value, plan, &tags, took), Found::Value(value))
                }
                None => (Self::absent(plan, &tags), Found::Absent),
            };
            let (began, near) = (moment, plan.near_time());
            done.push(Done { key: wire, right, generation, began, outcome, near, forced: false });
            ends.push((leader, stale, found, moment));
        }
        let moments = self.fill_many(done).await;
        for ((leader, stale, found, began), filled) in ends.into_iter().zip(moments) {
            let holds = if plan.has_tags() { began } else { filled };
            if let Some(leader) = leader {
                leader.land(found, holds);
            }
            if let Some(stale) = stale {
                stale.refresh.succeed();
            }
        }
        Ok(())
    }
}
