//! The entry of one key of a cached function, and what can be done with it.

use std::{borrow::Cow, future::Future};

use memclient_serde::{CacheValue, KeyBuf, KeyWriter};

use super::{
    cache_ref::CallCache,
    outcome::{Gives, Outcome, Takes},
};
use crate::{
    cache::{
        CachedFn, Core, Early, Entry as KeptEntry, Found, Loaded, Open, Plan, Policy, Produced,
        Share, Tags,
    },
    error::{Error, Result},
    wire::Key,
};

/// The entry of one key, whatever its type.
#[derive(Debug)]
pub struct Target {
    cache: CallCache,
    key: KeyBuf,
    policy: Policy,
    /// Its own tags, where it has some.
    tags: Option<Tags>,
    function: &'static CachedFn,
    /// The function whose entries these are, if it is another one.
    rival: Option<&'static CachedFn>,
}

/// The entry of one key of a function whose result has the shape `O`.
#[derive(Debug)]
pub struct Entry<O> {
    target: Target,
    outcome: O,
}

pub fn entry<O: Outcome>(
    function: &'static CachedFn,
    cache: CallCache,
    outcome: O,
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
    let policy = core.policy(policy);
    Entry { target: Target { cache, key, policy, tags: None, function, rival }, outcome }
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

/// What was found at hand.
enum Sought<T, R> {
    Answer(R),
    /// Another function has the entries.
    Refused,
    Open(Box<Opened<T>>),
}

/// What has no answer at hand, and what is needed to get one.
struct Opened<T> {
    cache: CallCache,
    policy: Policy,
    tags: Option<Tags>,
    open: Box<Open<T>>,
}

impl Target {
    fn seek<T: CacheValue, R: Loaded<T>>(self, early: Early) -> Sought<T, R> {
        if !self.is_owned() {
            return Sought::Refused;
        }
        match self.cache.core().at_hand(&self.key, self.plan(), early) {
            Ok(answer) => Sought::Answer(answer),
            Err(open) => {
                let Self { cache, policy, tags, .. } = self;
                Sought::Open(Box::new(Opened { cache, policy, tags, open }))
            }
        }
    }
}

impl<T: CacheValue> Opened<T> {
    async fn load<R, F, Fut>(self: Box<Self>, share: Option<Share<R>>, loader: F) -> R
    where
        R: Loaded<T>,
        F: FnOnce() -> Fut,
        Fut: Future<Output = R>,
    {
        let Self { cache, policy, tags, open } = *self;
        let core = cache.core();
        core.get_or_load(open, plan(core, &policy, tags.as_ref()), share, loader).await
    }

    fn load_blocking<R: Loaded<T>>(self, share: Option<Share<R>>, loader: impl FnOnce() -> R) -> R {
        let Self { cache, policy, tags, open } = self;
        let core = cache.core();
        core.get_or_load_blocking(open, plan(core, &policy, tags.as_ref()), share, loader)
    }

    async fn load_in_background<R, F, Fut>(self: Box<Self>, share: Option<Share<R>>, loader: F) -> R
    where
        R: Loaded<T> + Send + 'static,
        F: FnOnce() -> Fut + Send + 'static,
        Fut: Future<Output = R> + Send + 'static,
    {
        let Self { cache, policy, tags, open } = *self;
        let core = cache.shared();
        core.get_or_load_in_background(open, plan(core, &policy, tags.as_ref()), share, loader)
            .await
    }
}

fn plan<'a>(core: &'a Core, policy: &'a Policy, tags: Option<&'a Tags>) -> Plan<'a> {
    let common = core.plan(policy);
    tags.map_or(common, |tags| Plan { tags, ..common })
}

/// What a tag may be.
#[diagnostic::on_unimplemented(
    message = "a tag is a text, and `{Self}` is none",
    note = "put it into one: `\"name:{{value}}\"`"
)]
pub trait TagText {
    fn text(&self) -> &str;
}

impl TagText for str {
    fn text(&self) -> &str {
        self
    }
}

impl TagText for String {
    fn text(&self) -> &str {
        self
    }
}

impl TagText for Cow<'_, str> {
    fn text(&self) -> &str {
        self
    }
}

impl<T: TagText + ?Sized> TagText for &T {
    fn text(&self) -> &str {
        (**self).text()
    }
}

/// Returns the text of a tag.
pub fn tag(text: &(impl TagText + ?Sized)) -> &str {
    text.text()
}

impl<O: Outcome> Entry<O> {
    /// Has the entry have these tags.
    #[must_use]
    pub fn tagged(mut self, tags: &[&str]) -> Self {
        let tags = self.target.cache.core().tags(tags.iter().copied());
        self.target.tags = Some(tags);
        self
    }

    /// Has what `policy` sets hold for this call.
    #[must_use]
    pub fn with(mut self, policy: Policy) -> Self {
        self.target.policy = policy.over(self.target.policy);
        self
    }

    pub fn into_target(self) -> Target {
        self.target
    }

    // What is at hand is answered when the operation is called and not when its future is polled, so
    // that no key is moved into a future that has nothing to wait for.

    pub fn get_or_load<F, Fut>(self, loader: F) -> impl Future<Output = O::Return>
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = O::Return>,
    {
        let share = self.outcome.share();
        let sought = self.target.seek::<O::Value, O::Return>(Early::Never);
        async move {
            match sought {
                Sought::Answer(answer) => answer,
                Sought::Refused => loader().await,
                Sought::Open(open) => open.load(share, loader).await,
            }
        }
    }

    pub fn get_or_load_blocking(self, loader: impl FnOnce() -> O::Return) -> O::Return {
        let share = self.outcome.share();
        match self.target.seek::<O::Value, O::Return>(Early::Never) {
            Sought::Answer(answer) => answer,
            Sought::Refused => loader(),
            Sought::Open(open) => open.load_blocking(share, loader),
        }
    }

    /// As [`Entry::get_or_load`]; what `keeps` says no to is returned and not kept.
    pub fn get_or_load_if<F, Fut>(
        self,
        keeps: impl FnOnce(&O::Return) -> bool,
        loader: F,
    ) -> impl Future<Output = O::Return>
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = O::Return>,
    {
        let sought = self.target.seek::<O::Value, O::Return>(Early::Never);
        async move {
            match sought {
                Sought::Answer(answer) => answer,
                Sought::Refused => loader().await,
                Sought::Open(open) => {
                    let loader = || async move { Judged::by(keeps, loader().await) };
                    open.load(None, loader).await.returned
                }
            }
        }
    }

    pub fn get_or_load_if_blocking(
        self,
        keeps: impl FnOnce(&O::Return) -> bool,
        loader: impl FnOnce() -> O::Return,
    ) -> O::Return {
        match self.target.seek::<O::Value, O::Return>(Early::Never) {
            Sought::Answer(answer) => answer,
            Sought::Refused => loader(),
            Sought::Open(open) => open.load_blocking(None, || Judged::by(keeps, loader())).returned,
        }
    }

    /// As [`Entry::get_or_load`], with a loader that runs in the background where there is an entry
    /// to answer with.
    pub fn get_or_load_in_background<F, Fut>(self, loader: F) -> impl Future<Output = O::Return>
    where
        O::Return: Send + 'static,
        F: FnOnce() -> Fut + Send + 'static,
        Fut: Future<Output = O::Return> + Send + 'static,
    {
        let share = self.outcome.share();
        let sought = self.target.seek::<O::Value, O::Return>(Early::Allowed);
        async move {
            match sought {
                Sought::Answer(answer) => answer,
                Sought::Refused => loader().await,
                Sought::Open(open) => open.load_in_background(share, loader).await,
            }
        }
    }

    pub fn get_or_load_in_background_if<F, Fut>(
        self,
        keeps: impl FnOnce(&O::Return) -> bool + Send + 'static,
        loader: F,
    ) -> impl Future<Output = O::Return>
    where
        O::Return: Send + 'static,
        F: FnOnce() -> Fut + Send + 'static,
        Fut: Future<Output = O::Return> + Send + 'static,
    {
        let sought = self.target.seek::<O::Value, O::Return>(Early::Allowed);
        async move {
            match sought {
                Sought::Answer(answer) => answer,
                Sought::Refused => loader().await,
                Sought::Open(open) => {
                    let loader = || async move { Judged::by(keeps, loader().await) };
                    open.load_in_background(None, loader).await.returned
                }
            }
        }
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
