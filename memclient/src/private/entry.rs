//! The entry of one key of a cached function, and what can be done with it.

use std::{future::Future, marker::PhantomData};

use memclient_serde::{CacheValue, KeyBuf};

use super::{
    cache_ref::HeldCache,
    load::Judged,
    outcome::{Gives, Outcome, Takes},
    verdict::Verdict,
};
use crate::{
    cache::{CachedFn, CallErrors, Core, Entry as KeptEntry, Found, Plan, Policy, Tags},
    error::{Error, Result},
    wire::Key,
};

/// The entry of one key, whatever its type.
#[derive(Debug)]
pub struct Target {
    pub(super) cache: HeldCache,
    pub(super) key: KeyBuf,
    pub(super) policy: Policy,
    /// Its own tags, where it has some.
    pub(super) tags: Option<Tags>,
    pub(super) function: &'static CachedFn,
    /// The function whose entries these are, if it is another one.
    pub(super) rival: Option<&'static CachedFn>,
}

/// The entry of one key of a function whose result has the shape `O`.
#[derive(Debug)]
pub struct Entry<O> {
    target: Target,
    outcome: PhantomData<O>,
}

impl Target {
    pub async fn invalidate(&self) -> Result<()> {
        self.owned()?;
        self.cache.core().invalidate(&self.key, self.plan()).await
    }

    pub fn invalidate_blocking(&self) -> Result<()> {
        Core::blocking(self.invalidate())
    }

    pub async fn remove(&self) -> Result<bool> {
        self.owned()?;
        self.cache.core().remove(&self.key).await
    }

    pub(super) async fn put<T: CacheValue>(&self, value: Option<T>) -> Result<()> {
        self.owned()?;
        self.cache.core().put(&self.key, self.plan(), value).await
    }

    fn plan(&self) -> Plan<'_> {
        plan(self.cache.core(), &self.policy, self.tags.as_ref())
    }

    /// Says that another function has the entries, if one has.
    fn owned(&self) -> Result<()> {
        self.rival.map_or(Ok(()), |rival| Err(self.function.refused(rival)))
    }

    /// As [`Target::owned`], for a call, which goes past the cache then.
    pub(super) fn is_owned(&self) -> bool {
        if let Some(rival) = self.rival {
            self.function.tell_refused(&self.cache, rival);
        }
        self.rival.is_none()
    }
}

impl<O: Outcome> Entry<O> {
    pub(super) fn new(target: Target) -> Self {
        Self { target, outcome: PhantomData }
    }

    pub fn into_target(self) -> Target {
        self.target
    }

    /// Runs the loader and keeps what it returns, as `judge` says.
    pub async fn refresh<F, Fut>(
        self,
        judge: impl FnOnce(&O::Return) -> Verdict,
        loader: F,
    ) -> O::Return
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = O::Return>,
    {
        if !self.target.is_owned() {
            return loader().await;
        }
        let Target { cache, key, .. } = &self.target;
        let plan = self.target.plan();
        let loader = || async move { Judged::by(judge, loader().await) };
        cache.core().refresh(key, plan, CallErrors::none(), loader).await.returned
    }

    pub fn refresh_blocking(
        self,
        judge: impl FnOnce(&O::Return) -> Verdict,
        loader: impl FnOnce() -> O::Return,
    ) -> O::Return {
        if !self.target.is_owned() {
            return loader();
        }
        let Target { cache, key, .. } = &self.target;
        let plan = self.target.plan();
        let loader = || Judged::by(judge, loader());
        cache.core().refresh_blocking(key, plan, CallErrors::none(), loader).returned
    }

    pub async fn peek<V>(&self) -> Result<Option<V>>
    where
        O: Gives<V>,
    {
        self.target.owned()?;
        let Target { cache, key, .. } = &self.target;
        let plan = self.target.plan();
        Ok(cache
            .core()
            .peek(key, plan)
            .await?
            .map(Found::into_value)
            .and_then(O::found)
            .and_then(O::give))
    }

    pub fn peek_blocking<V>(&self) -> Result<Option<V>>
    where
        O: Gives<V>,
    {
        Core::blocking(self.peek())
    }

    pub async fn with_meta<V>(&self) -> Result<Option<KeptEntry<V>>>
    where
        O: Gives<V>,
    {
        self.target.owned()?;
        let Target { cache, key, .. } = &self.target;
        let entry = cache.core().entry::<O::Value>(key, self.target.plan()).await?;
        let given = |value| O::found(Some(value)).and_then(O::give);
        Ok(entry.map(|entry| entry.map(given)))
    }

    pub fn with_meta_blocking<V>(&self) -> Result<Option<KeptEntry<V>>>
    where
        O: Gives<V>,
    {
        Core::blocking(self.with_meta())
    }

    pub async fn put<V>(&self, value: &V) -> Result<()>
    where
        O: Takes<V>,
    {
        let value = O::take(value).ok_or_else(|| Error::config("an error is no value to keep"))?;
        self.target.put(value).await
    }

    pub fn put_blocking<V>(&self, value: &V) -> Result<()>
    where
        O: Takes<V>,
    {
        Core::blocking(self.put(value))
    }

    pub async fn invalidate(&self) -> Result<()> {
        self.target.invalidate().await
    }

    pub fn invalidate_blocking(&self) -> Result<()> {
        self.target.invalidate_blocking()
    }

    pub async fn remove(&self) -> Result<bool> {
        self.target.remove().await
    }

    pub fn remove_blocking(&self) -> Result<bool> {
        Core::blocking(self.target.remove())
    }

    pub fn key(&self) -> Key {
        Key::from(&self.target.key)
    }
}

/// What `#[invalidates(..)]` may name besides a cached function: what the `entry` of a method
/// returns.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no entry of a cached function",
    note = "write the cached function with the arguments of its key: `user(user.id)`",
    note = "for a cached method with `entry = user_entry`, write `self.user_entry(user.id)`"
)]
pub trait IntoTarget {
    fn into_target(self) -> Target;
}

impl IntoTarget for Target {
    fn into_target(self) -> Target {
        self
    }
}

impl<O: Outcome> IntoTarget for Entry<O> {
    fn into_target(self) -> Target {
        self.target
    }
}

pub fn target(entry: impl IntoTarget) -> Target {
    entry.into_target()
}

/// Returns what a call goes by, with the tags that all entries of the cache have where it has none of
/// its own.
pub(super) fn plan<'a>(core: &'a Core, policy: &'a Policy, tags: Option<&'a Tags>) -> Plan<'a> {
    let common = core.plan(policy);
    tags.map_or(common, |tags| Plan { tags, ..common })
}
