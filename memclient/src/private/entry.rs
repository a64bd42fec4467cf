//! The entry of one key of a cached function, and what can be done with it.

use std::{future::Future, marker::PhantomData};

use memclient_serde::{CacheValue, KeyBuf, KeyWriter};

use super::{
    cache_ref::CallCache,
    outcome::{Gives, Outcome, Takes},
};
use crate::{
    cache::{CachedFn, Core, Entry as KeptEntry, Found, Loaded, Plan, Policy, Produced},
    error::{Error, Result},
    wire::Key,
};

/// The entry of one key, whatever its type.
#[derive(Debug)]
pub struct Target {
    cache: CallCache,
    key: KeyBuf,
    policy: Policy,
    function: &'static CachedFn,
    /// The function whose entries these are, if it is another one.
    rival: Option<&'static CachedFn>,
}

/// The entry of one key of a function whose result has the shape `O`.
#[derive(Debug)]
pub struct Entry<O> {
    target: Target,
    outcome: PhantomData<fn() -> O>,
}

pub fn entry<O: Outcome>(
    function: &'static CachedFn,
    cache: CallCache,
    _: O,
    policy: Policy,
    place: &'static str,
    parts: impl FnOnce(&mut KeyWriter),
) -> Entry<O> {
    let core = cache.core();
    let head = function.head::<O::Value>();
    let key = core.key(head, |key| {
        if !place.is_empty() {
            key.raw(":");
            key.raw(place);
        }
        parts(key);
    });
    let rival = function.rival(&cache, head, place);
    Entry { target: Target { cache, key, policy, function, rival }, outcome: PhantomData }
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
        self.cache.core().plan(self.policy)
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
    /// Has what `policy` sets hold for this call.
    #[must_use]
    pub fn with(mut self, policy: Policy) -> Self {
        self.target.policy = policy.over(self.target.policy);
        self
    }

    pub fn into_target(self) -> Target {
        self.target
    }

    pub async fn get_or_load<F, Fut>(self, loader: F) -> O::Return
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = O::Return>,
    {
        if !self.target.is_owned() {
            return loader().await;
        }
        let Target { cache, key, .. } = &self.target;
        let plan = self.target.plan();
        cache.core().get_or_load(key, plan, None, loader).await
    }

    pub fn get_or_load_blocking(self, loader: impl FnOnce() -> O::Return) -> O::Return {
        if !self.target.is_owned() {
            return loader();
        }
        let Target { cache, key, .. } = &self.target;
        let plan = self.target.plan();
        cache.core().get_or_load_blocking(key, plan, None, loader)
    }

    /// As [`Entry::get_or_load`]; what `keeps` says no to is returned and not kept.
    pub async fn get_or_load_if<F, Fut>(
        self,
        keeps: impl FnOnce(&O::Return) -> bool,
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
        let loader = || async move { Judged::by(keeps, loader().await) };
        cache.core().get_or_load(key, plan, None, loader).await.returned
    }

    pub fn get_or_load_if_blocking(
        self,
        keeps: impl FnOnce(&O::Return) -> bool,
        loader: impl FnOnce() -> O::Return,
    ) -> O::Return {
        if !self.target.is_owned() {
            return loader();
        }
        let Target { cache, key, .. } = &self.target;
        let plan = self.target.plan();
        let loader = || Judged::by(keeps, loader());
        cache.core().get_or_load_blocking(key, plan, None, loader).returned
    }

    /// As [`Entry::get_or_load`], with a loader that runs in the background where there is an entry
    /// to answer with.
    pub async fn get_or_load_in_background<F, Fut>(self, loader: F) -> O::Return
    where
        O::Return: Send + 'static,
        F: FnOnce() -> Fut + Send + 'static,
        Fut: Future<Output = O::Return> + Send + 'static,
    {
        if !self.target.is_owned() {
            return loader().await;
        }
        let Target { cache, key, .. } = &self.target;
        let plan = self.target.plan();
        cache.shared().get_or_load_in_background(key, plan, None, loader).await
    }

    pub async fn get_or_load_in_background_if<F, Fut>(
        self,
        keeps: impl FnOnce(&O::Return) -> bool + Send + 'static,
        loader: F,
    ) -> O::Return
    where
        O::Return: Send + 'static,
        F: FnOnce() -> Fut + Send + 'static,
        Fut: Future<Output = O::Return> + Send + 'static,
    {
        if !self.target.is_owned() {
            return loader().await;
        }
        let Target { cache, key, .. } = &self.target;
        let plan = self.target.plan();
        let loader = || async move { Judged::by(keeps, loader().await) };
        cache.shared().get_or_load_in_background(key, plan, None, loader).await.returned
    }

    /// Runs the loader and keeps what it returns, unless `keeps` says no.
    pub async fn refresh<F, Fut>(
        self,
        keeps: impl FnOnce(&O::Return) -> bool,
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
        let loader = || async move { Judged::by(keeps, loader().await) };
        cache.core().refresh(key, plan, None, loader).await.returned
    }

    pub fn refresh_blocking(
        self,
        keeps: impl FnOnce(&O::Return) -> bool,
        loader: impl FnOnce() -> O::Return,
    ) -> O::Return {
        if !self.target.is_owned() {
            return loader();
        }
        let Target { cache, key, .. } = &self.target;
        let plan = self.target.plan();
        let loader = || Judged::by(keeps, loader());
        cache.core().refresh_blocking(key, plan, None, loader).returned
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

/// What a loader returned, with whether it is to be kept.
struct Judged<R> {
    returned: R,
    kept: bool,
}

impl<R> Judged<R> {
    fn by(keeps: impl FnOnce(&R) -> bool, returned: R) -> Self {
        Self { kept: keeps(&returned), returned }
    }
}

impl<T, R: Loaded<T>> Loaded<T> for Judged<R> {
    fn produced(self) -> Produced<T, Self> {
        if !self.kept {
            return Produced::Uncached(self);
        }
        match self.returned.produced() {
            Produced::Value(value) => Produced::Value(value),
            Produced::Absent(returned) => Produced::Absent(Self { returned, kept: true }),
            Produced::Uncached(returned) => Produced::Uncached(Self { returned, kept: true }),
        }
    }

    fn from_value(value: T) -> Self {
        Self { returned: R::from_value(value), kept: true }
    }

    fn absent() -> Option<Self> {
        Some(Self { returned: R::absent()?, kept: true })
    }
}
