//! Typed caching over any backend: what happens between a typed call and its loader.

mod ask;
mod begin;
mod builder;
mod core;
mod current;
mod entity;
mod entry;
mod fill;
mod flight;
mod found;
mod freshness;
mod function;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod generations;
mod header;
mod held;
mod leased;
mod load;
mod loaded;
mod look;
mod many;
mod on_way;
mod plan;
mod policy;
mod read;
mod refreshes;
#[cfg(all(test, feature = "moka"))]
mod soak;
mod stats;
mod tags;
mod typed;
mod write;

use std::{fmt, future::Future, sync::Arc};

use memclient_serde::CacheValue;

pub use self::{
    builder::CacheBuilder,
    entry::{Entry, Lookup, PutIf},
    function::CachedFn,
    leased::{FillLease, Leased},
    loaded::{Loaded, Produced, Share},
    many::LoadedMany,
    policy::Policy,
    stats::CacheStats,
    typed::TypedCache,
};
pub(crate) use self::{
    core::Core,
    flight::Shared,
    found::{Early, Found},
    loaded::{CallErrors, Errors},
    look::Open,
    plan::{Plan, Tags},
};
use crate::{backend::AnyBackend, error::Result};

/// A cache: a backend, and the rules by which functions and typed handles use it. Cheap to clone.
///
/// Without any configuration a cache lives in this process's memory. With a
/// [`Client`](crate::Client) behind it, it is tiered: what this process has seen lately is answered
/// from its own memory, the rest from memcached, and only what neither has is loaded.
///
/// ```
/// use memclient::Cache;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> memclient::Result<()> {
/// let cache = Cache::builder().namespace("shop").build()?;
/// let names = cache.typed::<String>("name");
/// let name = names.get_or_load(&42, || async { String::from("Ada") }).await;
/// assert_eq!(name, "Ada");
/// assert_eq!(names.get(&42).await?, Some("Ada".into()));
/// assert_eq!(cache.stats().loads, 1);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Cache(Arc<Core>);

impl Cache {
    /// Returns a builder with every option at its default.
    pub fn builder() -> CacheBuilder {
        CacheBuilder::default()
    }

    /// Returns the cache that [`CacheBuilder::install`] made the program's own; before that, one in
    /// this process's memory with the defaults of [`CacheBuilder`].
    pub fn current() -> Self {
        current::get()
    }

    /// Lends [`Cache::current`] to a call of a cached function.
    #[inline]
    pub(crate) fn with_current<R>(call: impl FnOnce(&Arc<Self>) -> R) -> R {
        current::with(call)
    }

    /// Makes this cache the one that [`Cache::current`] returns and that cached functions use. A
    /// cache that was installed before is replaced; what it holds stays where it is.
    pub fn install(&self) {
        current::set(self.clone());
    }

    /// Runs a future with this cache in the place of the program's: it is [`Cache::current`] there, and
    /// what cached functions use that name no other. So tests of cached functions run side by side,
    /// each with a cache of its own.
    ///
    /// A task that the future spawns is outside, unless its own future is run in the scope too.
    ///
    /// ```
    /// use std::time::Duration;
    /// use memclient::{Cache, Clock, cached};
    ///
    /// #[cached(ttl = "10m")]
    /// async fn answer() -> u64 {
    ///     42
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> memclient::Result<()> {
    /// let clock = Clock::manual();
    /// let cache = Cache::builder().clock(clock.clone()).build()?;
    /// cache
    ///     .scope(async {
    ///         answer().await;
    ///         answer().await;
    ///         clock.advance(Duration::from_secs(601));
    ///         answer().await;
    ///     })
    ///     .await;
    /// assert_eq!(cache.stats().loads, 2);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Cancel safety
    /// As the future's.
    pub async fn scope<F: Future>(&self, future: F) -> F::Output {
        current::scope(Arc::new(self.clone()), future).await
    }

    /// Runs a function with this cache in the place of the program's, as [`Cache::scope`] does.
    pub fn scope_blocking<R>(&self, function: impl FnOnce() -> R) -> R {
        current::scope_blocking(Arc::new(self.clone()), function)
    }

    /// Returns a cache that keeps nothing: what uses it loads each time, but for callers who want the
    /// same at once. For [`Cache::scope`] in a test of what a cached function does by itself, and as
    /// [`CacheBuilder::install`]'s opposite where caching is to be switched off.
    pub fn bypass() -> Self {
        CacheBuilder::of_nothing()
    }

    /// Returns a handle on the cache's entries of one name and type.
    ///
    /// The shape of the type is part of the key ([`Fingerprint`](crate::Fingerprint)): two versions
    /// of a program whose `T` differs do not read each other's entries.
    pub fn typed<T: CacheValue>(&self, name: &str) -> TypedCache<T> {
        TypedCache::new(self.clone(), name)
    }

    /// Ends all entries with this tag ([`TypedCache::tagged`]), in all processes, by one increment.
    /// What is being loaded under the tag is not answered as fresh.
    ///
    /// A process that has an entry and the tag's counter in its own memory answers the entry until
    /// the time to live there has passed ([`CacheBuilder::near_ttl`]); this process asks again at
    /// once.
    ///
    /// ```
    /// use memclient::Cache;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> memclient::Result<()> {
    /// let cache = Cache::builder().build()?;
    /// let names = cache.typed::<String>("name").tagged(["org:7"]);
    /// names.put(&1, &"Ada".into()).await?;
    /// names.put(&2, &"Eve".into()).await?;
    /// cache.invalidate_tag("org:7").await?;
    /// assert_eq!((names.get(&1).await?, names.get(&2).await?), (None, None));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// When the entries may still be there: other processes may go on reading them.
    ///
    /// # Cancel safety
    /// Dropping the future costs nobody else anything; the entries may or may not have ended.
    pub async fn invalidate_tag(&self, tag: &str) -> Result<()> {
        self.0.invalidate_tag(tag).await
    }

    /// Ends all entries of the cache, in all processes, by one increment; other caches on the same
    /// servers keep theirs. For caches that were built with [`CacheBuilder::clearable`].
    ///
    /// # Errors
    /// When the cache was not built so, or the entries may still be there.
    ///
    /// # Cancel safety
    /// As [`Cache::invalidate_tag`].
    pub async fn clear(&self) -> Result<()> {
        self.0.clear().await
    }

    /// Returns what the cache has done so far.
    pub fn stats(&self) -> CacheStats {
        self.0.stats()
    }

    /// Returns the backend, for what the cache itself does not do.
    pub fn backend(&self) -> &AnyBackend {
        self.0.backend()
    }

    pub(crate) fn core(&self) -> &Core {
        &self.0
    }

    pub(crate) fn shared(&self) -> &Arc<Core> {
        &self.0
    }

    fn new(core: Core) -> Self {
        Self(Arc::new(core))
    }
}

impl fmt::Debug for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Cache").field(&self.0).finish()
    }
}

impl CacheBuilder {
    /// Builds the cache and installs it; see [`Cache::install`].
    ///
    /// # Errors
    /// As [`CacheBuilder::build`].
    pub fn install(self) -> Result<Cache> {
        let cache = self.build()?;
        cache.install();
        Ok(cache)
    }
}
