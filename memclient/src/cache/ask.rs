//! Asking the backend for an entry, and for the right to load it.

use std::{slice, time::Duration};

use memclient_serde::CacheValue;

use super::{
    begin::Load,
    core::Core,
    fill::Right,
    found::{Early, Found, Kept},
    freshness::Freshness,
    held::HeldLease,
    plan::Plan,
};
use crate::{
    backend::{CacheBackend, Capabilities, Delete, Get, Hit, Read},
    error::{Error, Result},
    events::Event,
    join::both,
    wire::{CasToken, Key, TtlLeft},
};

/// What the backend has, and who may load it.
pub(super) struct Seen<T> {
    pub(super) kept: Option<Kept<T>>,
    pub(super) claim: Claim,
}

/// Who may load or refresh an entry.
pub(super) enum Claim {
    /// The caller.
    Won(HeldLease),
    /// Another.
    Taken,
    /// Whoever likes; over this version of it, if there is one that cannot be read.
    Open(Option<CasToken>),
    /// The backend cannot say.
    Unreachable(Error),
}

/// An answer of the backend, with the lease that came with it in hands that give it back.
pub(super) struct Heard {
    answer: Result<Read>,
    lease: Option<HeldLease>,
    /// Whether what was found has the tags that it was stored under still.
    current: bool,
}

impl Core {
    /// Asks for an entry, and for the right to load it if `asks` says so.
    pub(super) async fn ask<T: CacheValue>(
        &self,
        key: &Key,
        how: Get,
        asks: bool,
        plan: Plan<'_>,
        early: Early,
    ) -> Seen<T> {
        let how = if asks { how.with_lease(plan.lease_terms()) } else { how };
        let mut heard = self.listen(key, how, plan).await;
        if asks && self.end_outdated(key, &heard, plan).await {
            heard = self.listen(key, how, plan).await;
        }
        self.see(key, heard, asks, plan, early)
    }

    /// Asks for entries in one go, and for the right to load them if `asks` says so.
    pub(super) async fn ask_all<T: CacheValue>(
        &self,
        keys: &[Key],
        how: Get,
        asks: bool,
        plan: Plan<'_>,
        early: Early,
    ) -> Vec<Seen<T>> {
        if keys.is_empty() {
            return Vec::new();
        }
        let how = if asks { how.with_lease(plan.lease_terms()) } else { how };
        let mut heard = self.listen_all(keys, how, plan).await;
        if asks {
            let (mut outdated, mut places) = (Vec::new(), Vec::new());
            for (place, (key, heard)) in keys.iter().zip(&heard).enumerate() {
                if self.end_outdated(key, heard, plan).await {
                    outdated.push(key.clone());
                    places.push(place);
                }
            }
            let again = if outdated.is_empty() {
                Vec::new()
            } else {
                self.listen_all(&outdated, how, plan).await
            };
            for (place, again) in places.into_iter().zip(again) {
                if let Some(heard) = heard.get_mut(place) {
                    *heard = again;
                }
            }
        }
        let see = |(key, heard)| self.see(key, heard, asks, plan, early);
        keys.iter().zip(heard).map(see).collect()
    }

    /// Reads an entry, and beside it the generations of its tags.
    pub(super) async fn listen(&self, key: &Key, how: Get, plan: Plan<'_>) -> Heard {
        let how = how.with_near(plan.near_time());
        let read = async { self.hold(key, self.backend().get(key, how).await) };
        if plan.has_tags() {
            let (mut heard, tags) = both(read, self.read_tags(plan.tags.keys())).await;
            self.compare(slice::from_mut(&mut heard), tags, plan).await;
            return heard;
        }
        let mut heard = read.await;
        if heard.hit().is_some_and(|hit| hit.value.payload().flags.has_header()) {
            self.compare(slice::from_mut(&mut heard), Ok(Vec::new()), plan).await;
        }
        heard
    }

    /// Reads entries in one go, and beside them the generations of their tags.
    pub(super) async fn listen_all(&self, keys: &[Key], how: Get, plan: Plan<'_>) -> Vec<Heard> {
        let how = how.with_near(plan.near_time());
        let read = async {
            let answers = self.backend().get_many(keys, how).await;
            let hold = |(key, answer)| self.hold(key, answer);
            keys.iter().zip(answers).map(hold).collect::<Vec<_>>()
        };
        let (mut heard, tags) = both(read, self.read_tags(plan.tags.keys())).await;
        self.compare(&mut heard, tags, plan).await;
        heard
    }

    /// Takes the lease that came with an answer into hands that give it back.
    fn hold(&self, key: &Key, answer: Result<Read>) -> Heard {
        let won = answer.as_ref().ok().and_then(Read::won);
        let lease = won.map(|lease| HeldLease::new(self.backend(), key, lease));
        Heard { answer, lease, current: true }
    }

    /// Notes which answers are out of date, as their tags are; where the tags cannot be told, the
    /// answers are none.
    async fn compare(&self, heard: &mut [Heard], tags: Result<Vec<Option<u64>>>, plan: Plan<'_>) {
        let answers: Vec<_> = heard.iter().map(|one| one.answer.as_ref().ok()).collect();
        let current = match tags {
            Ok(tags) => self.are_current(plan, &answers, &tags).await,
            Err(error) => Err(error),
        };
        match current {
            Ok(current) => {
                for (one, current) in heard.iter_mut().zip(current) {
                    one.current = current;
                }
            }
            Err(error) => {
                for one in heard {
                    one.answer = Err(error.clone());
                }
            }
        }
    }

    /// Ends an entry whose tags have changed, so that one of all processes gets the lease to load it
    /// again; true where it is to be asked for once more.
    async fn end_outdated(&self, key: &Key, heard: &Heard, plan: Plan<'_>) -> bool {
        let Ok(Read::Hit(hit)) = &heard.answer else { return false };
        if heard.current || !self.has_leases() {
            return false;
        }
        let stale_for = plan.answers_stale().then(|| rest(hit.ttl_left, plan));
        self.delete(key, Delete { cas: hit.cas, stale_for }).await;
        true
    }

    fn see<T: CacheValue>(
        &self,
        key: &Key,
        heard: Heard,
        asked: bool,
        plan: Plan<'_>,
        early: Early,
    ) -> Seen<T> {
        self.hear(key, heard, asked, plan, early)
            .unwrap_or_else(|error| Seen { kept: None, claim: Claim::Unreachable(error) })
    }

    /// Takes in what the backend answered, and gives it the decoded form to keep in this process.
    pub(super) fn hear<T: CacheValue>(
        &self,
        key: &Key,
        heard: Heard,
        asked: bool,
        plan: Plan<'_>,
        early: Early,
    ) -> Result<Seen<T>> {
        let Heard { answer, lease, current } = heard;
        let answer = answer.inspect_err(|error| self.failed(error))?;
        self.worked();
        let claim = match (lease, &answer) {
            (Some(lease), _) => Claim::Won(lease),
            (None, Read::Held) => Claim::Taken,
            (None, Read::Stale(_)) if asked => Claim::Taken,
            (None, _) => Claim::Open(None),
        };
        let (hit, marked) = match answer {
            Read::Hit(hit) | Read::Refresh(hit, _) if current => (hit, false),
            // It stays readable for the sake of those who may answer what is stale.
            Read::Hit(hit) | Read::Refresh(hit, _) | Read::Stale(hit) | Read::StaleWon(hit, _)
                if plan.answers_stale() =>
            {
                (hit, true)
            }
            Read::Hit(hit) => return Ok(Seen { kept: None, claim: claim.over(hit.cas) }),
            _ => return Ok(Seen { kept: None, claim }),
        };
        match Kept::<T>::read(&hit, plan.policy, early) {
            // What is marked says no longer that there is none.
            Ok(Kept { found: Found::Absent, .. }) if marked => Ok(Seen { kept: None, claim }),
            Ok(mut kept) => {
                if marked {
                    kept.freshness = Freshness::Stale;
                }
                self.count_hit(&kept);
                if let (Found::Value(decoded), None) = (&kept.found, hit.value.decoded::<T>()) {
                    let value = hit.value.clone().with_decoded(decoded.clone());
                    self.backend().keep_decoded(key, &value);
                }
                let claim = match claim.over(hit.cas) {
                    // What is past its time to live was given to somebody.
                    Claim::Open(_) if kept.is_stale() && asked && self.has_leases() => Claim::Taken,
                    claim => claim,
                };
                Ok(Seen { kept: Some(kept), claim })
            }
            Err(error) => {
                self.counters.undecodable.add_one();
                self.tell(&Event::Undecodable { key, error: &error });
                Ok(Seen { kept: None, claim: claim.over(hit.cas) })
            }
        }
    }

    /// Deletes an entry that cannot be read, so that one of all processes gets the lease to load it
    /// again; false where there are no leases, or the entry has changed.
    pub(super) async fn discard(&self, key: &Key, unreadable: CasToken) -> bool {
        let needed = Capabilities::LEASE | Capabilities::CAS_DELETE;
        self.backend().capabilities().contains(needed)
            && self.delete(key, Delete::if_cas(unreadable)).await
    }

    /// Offers a stale entry to the next who asks, whoever had it before.
    pub(super) async fn offer_again<T>(&self, key: &Key, kept: &Kept<T>, plan: Plan<'_>) {
        let how = Delete { cas: kept.cas, ..Delete::stale_for(rest(kept.ttl_left, plan)) };
        self.delete(key, how).await;
    }

    /// Wins the right to load an entry, whatever is kept of it: for a caller who knows that it has
    /// changed.
    pub(super) async fn seize(&self, key: Key, plan: Plan<'_>) -> Load {
        let how = Get::shared().with_lease(plan.lease_terms()).with_near(plan.near_time());
        let mut tries = 0..3;
        let right = loop {
            let answer = self.backend().get(&key, how).await;
            match answer.inspect_err(|error| self.failed(error)) {
                Err(_) => break Right::Near,
                Ok(answer) => match (answer.won(), answer) {
                    (Some(lease), _) => {
                        break Right::Lease(HeldLease::new(self.backend(), &key, lease));
                    }
                    (None, Read::Hit(hit)) => break Right::over(hit.cas),
                    // Whoever has the lease may have begun before the change.
                    (None, Read::Held | Read::Stale(_)) if tries.next().is_some() => {
                        self.delete(&key, Delete::default()).await;
                    }
                    (None, Read::Held | Read::Stale(_)) => break Right::Nowhere,
                    (None, _) => break Right::Unguarded,
                },
            }
        };
        let leader = matches!(right, Right::Lease(_)).then(|| self.flights.lead(&key));
        Load { forced: true, ..self.ready(self.begin(key, right, leader), plan).await }
    }

    /// Wins the right to refresh an entry that is still fresh, among all processes; `None` where
    /// another has it, or has refreshed it already.
    pub(super) async fn claim(&self, load: Load, plan: Plan<'_>) -> Option<Load> {
        let Right::Early(left, cas) = load.right else { return Some(load) };
        let key = load.key;
        if !self.has_leases() {
            return Some(self.ready(self.begin(key, Right::over(cas), None), plan).await);
        }
        let TtlLeft::Left(left) = left else { return None };
        let terms = plan.lease_terms().recache(left.saturating_add(Duration::from_secs(1)));
        let how = Get::shared().with_lease(terms).with_near(plan.near_time());
        let answer = self.backend().get(&key, how).await;
        let answer = answer.inspect_err(|error| self.failed(error)).ok()?;
        let lease = HeldLease::new(self.backend(), &key, answer.won()?);
        let lease = if matches!(answer, Read::Refresh(..)) { lease.of_fresh() } else { lease };
        Some(self.ready(self.begin(key, Right::Lease(lease), None), plan).await)
    }

    pub(super) fn has_leases(&self) -> bool {
        self.backend().capabilities().contains(Capabilities::LEASE)
    }
}

impl Heard {
    fn hit(&self) -> Option<&Hit> {
        self.answer.as_ref().ok().and_then(Read::any)
    }
}

impl Claim {
    /// Returns the same, over this version where anybody may load it.
    fn over(self, cas: Option<CasToken>) -> Self {
        match self {
            Self::Open(_) => Self::Open(cas),
            claim => claim,
        }
    }
}

/// Returns for how long what is stale is kept.
fn rest(left: TtlLeft, plan: Plan<'_>) -> Duration {
    match left {
        TtlLeft::Left(rest) => rest,
        TtlLeft::Unknown | TtlLeft::Never => plan.grace_time(),
    }
}
