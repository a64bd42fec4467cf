//! Changing what is kept, whatever is being loaded: loads under way are not kept.

use std::future::Future;

use memclient_serde::{CacheValue, KeyBuf};

use super::{core::Core, entry::PutIf, found::absence, plan::Plan, tags::too_many_tags};
use crate::{
    backend::{CacheBackend, Delete, Mode, Set},
    error::Result,
    wire::{Key, Touched},
};

impl Core {
    /// Keeps a value, or `None` for "there is none", whatever is known.
    pub(crate) async fn put<T: CacheValue>(
        &self,
        key: &KeyBuf,
        plan: Plan<'_>,
        value: Option<T>,
    ) -> Result<()> {
        self.put_as(key, plan, value, Set::default()).await.map(drop)
    }

    /// Keeps a value on a condition; false where that does not hold.
    pub(super) async fn put_if<T: CacheValue>(
        &self,
        key: &KeyBuf,
        plan: Plan<'_>,
        value: T,
        condition: PutIf,
    ) -> Result<bool> {
        let how = match condition {
            PutIf::Absent => Set::default().mode(Mode::Add),
            PutIf::Present => Set::default().mode(Mode::Replace),
            PutIf::Unchanged(version) => Set::default().if_cas(version),
        };
        self.put_as(key, plan, Some(value), how).await
    }

    async fn put_as<T: CacheValue>(
        &self,
        key: &KeyBuf,
        plan: Plan<'_>,
        value: Option<T>,
        how: Set,
    ) -> Result<bool> {
        let (value, ttl) = match (value, plan.none_ttl()) {
            (Some(value), _) => (self.encode(value, plan.policy, None)?, plan.stored_ttl()),
            (None, Some(ttl)) => (absence(), ttl),
            (None, None) => return self.remove(key).await,
        };
        let key = Key::from(key);
        let tags = self.tag_generations(plan).await?;
        let value = plan.seal(&tags, value).ok_or_else(too_many_tags)?;
        let how = Set { ttl, near: plan.near_time(), ..how };
        let written = self.change(&key, self.backend().set(&key, value, how)).await?;
        if written.is_stored() {
            self.counters.stores.add_one();
        }
        Ok(written.is_stored())
    }

    /// Marks what is known as stale, where the plan lets that be answered; else removes it.
    pub(crate) async fn invalidate(&self, key: &KeyBuf, plan: Plan<'_>) -> Result<()> {
        let how = if plan.answers_stale() {
            Delete::stale_for(plan.grace_time())
        } else {
            Delete::default()
        };
        self.end(key, how).await.map(drop)
    }

    /// Removes what is known; true where there was something.
    pub(crate) async fn remove(&self, key: &KeyBuf) -> Result<bool> {
        self.end(key, Delete::default()).await
    }

    async fn end(&self, key: &KeyBuf, how: Delete) -> Result<bool> {
        let key = Key::from(key);
        self.counters.invalidations.add_one();
        let deleted = self.change(&key, self.backend().delete(&key, how)).await?;
        Ok(deleted.is_deleted())
    }

    /// Gives what is kept its whole time to live again.
    pub(super) async fn touch(&self, key: &KeyBuf, plan: Plan<'_>) -> Result<bool> {
        let key = Key::from(key);
        let touched = self.change(&key, self.backend().touch(&key, plan.stored_ttl())).await?;
        Ok(touched == Touched::Touched)
    }

    /// Runs a write of this process: what is being loaded meanwhile is not kept, and nobody joins
    /// it any more.
    async fn change<T>(&self, key: &Key, write: impl Future<Output = Result<T>>) -> Result<T> {
        let _change = Change::begin(self, key);
        let _changing = if self.has_leases() { None } else { Some(self.on_way.change(key).await) };
        let outcome = write.await;
        match &outcome {
            Ok(_) => self.worked(),
            Err(error) => self.failed(error),
        }
        outcome
    }
}

/// A write under way; ends with it, also when its future is dropped.
struct Change<'a> {
    core: &'a Core,
    key: &'a Key,
}

impl<'a> Change<'a> {
    fn begin(core: &'a Core, key: &'a Key) -> Self {
        core.generations.advance(key.as_bytes());
        core.flights.forget(key);
        Self { core, key }
    }
}

impl Drop for Change<'_> {
    fn drop(&mut self) {
        self.core.generations.advance(self.key.as_bytes());
        // Flights that began while the write was under way may have read what was there before it.
        self.core.flights.forget(self.key);
    }
}
