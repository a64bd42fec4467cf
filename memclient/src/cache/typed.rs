use std::{fmt, future::Future, hash::Hash, marker::PhantomData, sync::Arc};

use memclient_serde::{CacheKey, CacheValue, Fingerprint, KeyBuf, KeyHead};

use super::{
    Cache,
    entry::{Entry, Lookup, PutIf},
    found::{Early, Found},
    function::key_head,
    leased::Leased,
    loaded::{CallErrors, Loaded, Share},
    many::LoadedMany,
    plan::{Plan, Tags},
    policy::Policy,
};
use crate::{
    error::{Error, Result},
    wire::{Key, Ttl},
};

/// The entries of one name and type in a cache. Cheap to clone.
///
/// Keys are whatever implements [`CacheKey`]: text, numbers, tuples, or a type that derives it.
/// Within one handle use keys of one type: the text `"7"` and the number `7` are the same key.
///
/// ```
/// use memclient::Cache;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> memclient::Result<()> {
/// let cache = Cache::builder().build()?;
/// let prices = cache.typed::<u64>("price");
/// prices.put(&("book", 7), &1999).await?;
/// assert_eq!(prices.get(&("book", 7)).await?, Some(1999));
/// prices.invalidate(&("book", 7)).await?;
/// assert_eq!(prices.get(&("book", 7)).await?, None);
/// # Ok(())
/// # }
/// ```
pub struct TypedCache<T> {
    cache: Cache,
    name: Arc<str>,
    head: KeyHead,
    policy: Policy,
    tags: Tags,
    value: PhantomData<fn() -> T>,
}

impl<T: CacheValue> TypedCache<T> {
    pub(super) fn new(cache: Cache, name: &str) -> Self {
        Self {
            name: name.into(),
            head: key_head(name, None, Fingerprint::of::<T>()),
            policy: cache.core().policy(Policy::new()),
            tags: cache.core().tags([]),
            cache,
            value: PhantomData,
        }
    }

    /// Sets how long this handle's entries live. Defaults to what the cache says.
    #[must_use]
    pub fn ttl(mut self, ttl: impl Into<Ttl>) -> Self {
        self.policy = self.policy.ttl(ttl);
        self
    }

    /// Sets how this handle's entries are kept. Defaults to what the cache says.
    #[must_use]
    pub fn policy(mut self, policy: Policy) -> Self {
        self.policy = policy.over(self.policy);
        self
    }

    /// Returns the same handle with what this policy sets, for a call that is to differ from the
    /// others.
    ///
    /// ```
    /// use std::time::Duration;
    /// use memclient::{Cache, Policy};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> memclient::Result<()> {
    /// let cache = Cache::builder().build()?;
    /// let names = cache.typed::<String>("name");
    /// let brief = Policy::new().ttl(Duration::from_secs(5));
    /// names.with(brief).put(&1, &"Ada".into()).await?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn with(&self, policy: Policy) -> Self {
        self.clone().policy(policy)
    }

    /// Returns the same handle for entries with these tags, whatever tags it had: one call of
    /// [`Cache::invalidate_tag`] ends all entries that have the tag, whatever their names and types.
    ///
    /// Each read from the backend asks for the tags' counters in the same round trip. What is loaded
    /// or put through the handle has its tags; what was stored without one of them is not read
    /// through it. A handle without tags reads what has some, at the price of a second round trip.
    /// Entries with tags begin with a header of some bytes, which clients of other languages do not
    /// know.
    ///
    /// An entry can have 255 tags: with more, a [`put`](Self::put) is refused, and what is loaded is
    /// returned and not kept, which [`CacheStats::unencodable`](crate::CacheStats) counts.
    #[must_use]
    pub fn tagged<'a>(&self, tags: impl IntoIterator<Item = &'a str>) -> Self {
        Self { tags: self.cache.core().tags(tags), ..self.clone() }
    }

    /// Returns the value that is kept, or `None`.
    ///
    /// An entry that says "there is none", one that is stale, and one that cannot be read as a `T`,
    /// are `None` too; [`TypedCache::lookup`] tells them apart.
    ///
    /// # Errors
    /// When the backend cannot be asked.
    ///
    /// # Cancel safety
    /// Dropping the future costs nobody anything.
    pub async fn get<K: CacheKey + ?Sized>(&self, key: &K) -> Result<Option<T>> {
        let core = self.cache.core();
        let found = core.peek(&self.key_buf(key), self.plan()).await?;
        Ok(found.and_then(Found::into_value))
    }

    /// Returns what is kept, with whether it is fresh.
    ///
    /// # Errors
    /// When the backend cannot be asked.
    ///
    /// # Cancel safety
    /// Dropping the future costs nobody anything.
    pub async fn lookup<K: CacheKey + ?Sized>(&self, key: &K) -> Result<Lookup<T>> {
        let core = self.cache.core();
        let kept = core.lookup(&self.key_buf(key), self.plan()).await?;
        Ok(Lookup::of(kept))
    }

    /// Returns what is kept with where it came from, how fresh and how old it is, and its version;
    /// `None` where nothing is kept that can be read.
    ///
    /// ```
    /// use memclient::{Cache, backend::Tier};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> memclient::Result<()> {
    /// let cache = Cache::builder().build()?;
    /// let names = cache.typed::<String>("name");
    /// names.put(&1, &"Ada".into()).await?;
    /// let entry = names.get_with_meta(&1).await?.expect("it was just kept");
    /// assert_eq!((entry.value.as_deref(), entry.tier, entry.stale), (Some("Ada"), Tier::Near, false));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// When the backend cannot be asked.
    ///
    /// # Cancel safety
    /// Dropping the future costs nobody anything.
    pub async fn get_with_meta<K: CacheKey + ?Sized>(&self, key: &K) -> Result<Option<Entry<T>>> {
        self.cache.core().entry(&self.key_buf(key), self.plan()).await
    }

    /// Returns what is kept, and the right to load it where the caller is the one to do that: for
    /// those who load by other means than a closure. Of all callers in all processes who find an
    /// entry missing or stale, one gets its lease; [`TypedCache::get_or_load`] waits for it.
    ///
    /// ```
    /// use memclient::{Cache, Leased};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> memclient::Result<()> {
    /// let cache = Cache::builder().build()?;
    /// let names = cache.typed::<String>("name");
    /// if let Leased::Missing(Some(lease)) = names.lease(&1).await? {
    ///     assert!(matches!(names.lease(&1).await?, Leased::Missing(None)));
    ///     assert!(lease.fill(&"Ada".into()).await?);
    /// }
    /// assert_eq!(names.get(&1).await?, Some("Ada".into()));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// When the backend cannot be asked.
    ///
    /// # Cancel safety
    /// Dropping the future costs nobody anything: a lease that was on its way goes back.
    pub async fn lease<K: CacheKey + ?Sized>(&self, key: &K) -> Result<Leased<T>> {
        self.cache.lease(&self.key_buf(key), self.plan()).await
    }

    /// Keeps a value. A load of the same key that is under way in this process will not replace it.
    ///
    /// # Errors
    /// When the value cannot be encoded, or may not have been stored.
    ///
    /// # Cancel safety
    /// Dropping the future costs nobody else anything; the value may or may not be kept.
    pub async fn put<K: CacheKey + ?Sized>(&self, key: &K, value: &T) -> Result<()> {
        let core = self.cache.core();
        core.put(&self.key_buf(key), self.plan(), Some(value.clone())).await
    }

    /// Keeps a value on a condition; false where that does not hold, and nothing is changed.
    ///
    /// An entry that another process is loading counts as one that is there, as memcached has it.
    ///
    /// ```
    /// use memclient::{Cache, PutIf};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> memclient::Result<()> {
    /// let cache = Cache::builder().build()?;
    /// let names = cache.typed::<String>("name");
    /// assert!(names.put_if(&1, &"Ada".into(), PutIf::Absent).await?);
    /// assert!(!names.put_if(&1, &"Eve".into(), PutIf::Absent).await?);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// When the value cannot be encoded, or may not have been stored, or the backend has no such
    /// conditions.
    ///
    /// # Cancel safety
    /// Dropping the future costs nobody else anything; the value may or may not be kept.
    pub async fn put_if<K: CacheKey + ?Sized>(
        &self,
        key: &K,
        value: &T,
        condition: PutIf,
    ) -> Result<bool> {
        let core = self.cache.core();
        core.put_if(&self.key_buf(key), self.plan(), value.clone(), condition).await
    }

    /// Ends the entry, in every tier of this process and in the backend, for somebody who has
    /// changed what it was loaded from. What is being loaded for it, in any process that shares a
    /// backend with leases, is not kept.
    ///
    /// Where the policy allows a grace ([`Policy::grace`]), the entry is marked as stale and answered
    /// for so long while one caller loads it again, unless the backend has no such mark; else it is
    /// removed. [`TypedCache::remove`] always removes it.
    ///
    /// # Errors
    /// When the entry may still be there as it was: other processes may go on reading it.
    ///
    /// # Cancel safety
    /// Dropping the future costs nobody else anything; the backend may or may not have the entry
    /// still.
    pub async fn invalidate<K: CacheKey + ?Sized>(&self, key: &K) -> Result<()> {
        let core = self.cache.core();
        core.invalidate(&self.key_buf(key), self.plan()).await
    }

    /// Removes the entry, in every tier of this process and in the backend, whatever grace it has;
    /// true where there was one. What is being loaded for it is not kept.
    ///
    /// # Errors
    /// When the entry may still be there: other processes may go on reading it.
    ///
    /// # Cancel safety
    /// As [`TypedCache::invalidate`].
    pub async fn remove<K: CacheKey + ?Sized>(&self, key: &K) -> Result<bool> {
        self.cache.core().remove(&self.key_buf(key)).await
    }

    /// Returns the value that is kept; where there is none, runs the loader and keeps what it
    /// returns.
    ///
    /// The loader returns `T`, `Option<T>`, `Result<T, E>` or `Result<Option<T>, E>`, and so does
    /// this call ([`Loaded`]). Of all callers who want the same key at once, in all processes that
    /// share a backend with leases, one runs its loader and the others get its result, unless that
    /// may be older than their call. A loader that fails is followed by those of other callers of the
    /// process, in doubling numbers; [`TypedCache::try_get_or_load`] shares its error in place of
    /// that. A backend in trouble is passed over.
    ///
    /// Where the policy allows a grace ([`Policy::grace`]), a stale entry is answered to everybody
    /// but one caller, who runs its loader; should that fail, or take longer than
    /// [`Policy::soft_timeout`], it is answered the stale entry too.
    ///
    /// # Cancel safety
    /// Dropping the future drops the loader's; one of the other callers then runs its own.
    pub async fn get_or_load<K, R, F, Fut>(&self, key: &K, loader: F) -> R
    where
        K: CacheKey + ?Sized,
        R: Loaded<T>,
        F: FnOnce() -> Fut,
        Fut: Future<Output = R>,
    {
        let (core, plan) = (self.cache.core(), self.plan());
        match core.at_hand(&self.key_buf(key), plan, Early::Never) {
            Ok(answer) => answer,
            Err(open) => core.get_or_load(open, plan, CallErrors::none(), loader).await,
        }
    }

    /// As [`TypedCache::get_or_load`], for a loader that may fail: those who wait for it get its
    /// error too, behind an [`Arc`], in place of running theirs one after the other.
    ///
    /// # Errors
    /// What the loader returned, to this caller or to the one that it waited for.
    ///
    /// # Cancel safety
    /// As [`TypedCache::get_or_load`].
    pub async fn try_get_or_load<K, E, F, Fut>(
        &self,
        key: &K,
        loader: F,
    ) -> std::result::Result<T, Arc<E>>
    where
        K: CacheKey + ?Sized,
        E: Send + Sync + 'static,
        F: FnOnce() -> Fut,
        Fut: Future<Output = std::result::Result<T, E>>,
    {
        let core = self.cache.core();
        let errors = CallErrors::new(Some(Share::by_clone()), None);
        let loader = || async { loader().await.map_err(Arc::new) };
        match core.at_hand(&self.key_buf(key), self.plan(), Early::Never) {
            Ok(answer) => answer,
            Err(open) => core.get_or_load(open, self.plan(), errors, loader).await,
        }
    }

    /// Runs the loader whatever is kept, and keeps what it returns: for a caller who knows that the
    /// entry is out of date and has the time to replace it. An error of the loader leaves the entry
    /// as it is.
    ///
    /// # Cancel safety
    /// Dropping the future drops the loader's; the entry stays as it is, or has ended.
    pub async fn refresh<K, R, F, Fut>(&self, key: &K, loader: F) -> R
    where
        K: CacheKey + ?Sized,
        R: Loaded<T>,
        F: FnOnce() -> Fut,
        Fut: Future<Output = R>,
    {
        let core = self.cache.core();
        core.refresh(&self.key_buf(key), self.plan(), CallErrors::none(), loader).await
    }

    /// As [`TypedCache::get_or_load`], with a loader that runs in the background where there is an
    /// entry to answer with: a stale one, or one that is about to end ([`Policy::early`]). So nobody
    /// waits for a loader but those who come when there is nothing at all.
    ///
    /// The loader and what it returns must be able to live on their own: they run as a task of the
    /// present tokio runtime, bounded by [`Policy::timeout`].
    ///
    /// ```
    /// use std::time::Duration;
    /// use memclient::{Cache, Policy};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> memclient::Result<()> {
    /// let cache = Cache::builder().build()?;
    /// let policy = Policy::new().ttl(Duration::from_secs(60)).grace(Duration::from_secs(3600));
    /// let rates = cache.typed::<f64>("rate").policy(policy);
    /// let rate = rates.get_or_load_in_background("EUR", || async { 1.09 }).await;
    /// assert!(rate > 1.0);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Cancel safety
    /// Dropping the future leaves a load in the background to itself; else as
    /// [`TypedCache::get_or_load`].
    pub async fn get_or_load_in_background<K, R, F, Fut>(&self, key: &K, loader: F) -> R
    where
        K: CacheKey + ?Sized,
        R: Loaded<T> + Send + 'static,
        F: FnOnce() -> Fut + Send + 'static,
        Fut: Future<Output = R> + Send + 'static,
    {
        let (core, plan) = (self.cache.shared(), self.plan());
        match core.at_hand(&self.key_buf(key), plan, Early::Allowed) {
            Ok(answer) => answer,
            Err(open) => {
                core.get_or_load_in_background(open, plan, CallErrors::none(), loader).await
            }
        }
    }

    /// Returns the fresh value of each key, or `None`, in the order of the keys: what
    /// [`TypedCache::get`] would have returned. What is not in this process is read in one go.
    ///
    /// # Cancel safety
    /// Dropping the future costs nobody anything.
    pub async fn get_many<K: CacheKey>(&self, keys: &[K]) -> Vec<Result<Option<T>>> {
        let core = self.cache.core();
        let keys: Vec<KeyBuf> = keys.iter().map(|key| self.key_buf(key)).collect();
        core.peek_many(&keys, self.plan()).await
    }

    /// Returns the values of many keys; those that are not kept are loaded by one call of the loader
    /// and kept.
    ///
    /// The loader gets the keys that are missing, each once, and returns
    /// `HashMap<K, T>` or `Result<HashMap<K, T>, E>`; so does this call, with what was kept among
    /// it. A key that the loader leaves out has no value; that is kept where the policy says how
    /// long ([`Policy::none`]). Loads are shared with [`TypedCache::get_or_load`]: a key that
    /// another caller of this process is loading is waited for, and asked of the loader, by a second
    /// call, only if that caller gives up. An error of the loader is returned, unless each key that
    /// it was asked for has a stale value.
    ///
    /// ```
    /// use std::collections::HashMap;
    /// use memclient::Cache;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> memclient::Result<()> {
    /// let cache = Cache::builder().build()?;
    /// let squares = cache.typed::<u64>("square");
    /// squares.put(&2, &4).await?;
    /// let load = |missing: Vec<u64>| async move {
    ///     assert_eq!(missing, [3, 5]);
    ///     missing.into_iter().map(|n| (n, n * n)).collect::<HashMap<_, _>>()
    /// };
    /// let found = squares.get_or_load_many([2, 3, 5], load).await;
    /// assert_eq!(found, HashMap::from([(2, 4), (3, 9), (5, 25)]));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Cancel safety
    /// Dropping the future drops the loader's; other callers who wait for one of its keys then load
    /// it themselves.
    pub async fn get_or_load_many<K, R, F, Fut>(
        &self,
        keys: impl IntoIterator<Item = K>,
        loader: F,
    ) -> R
    where
        K: CacheKey + Clone + Eq + Hash,
        R: LoadedMany<K, T>,
        F: Fn(Vec<K>) -> Fut,
        Fut: Future<Output = R>,
    {
        let core = self.cache.core();
        let wired = |key: K| {
            let wire = self.key_buf(&key);
            (key, wire)
        };
        let keys = keys.into_iter().map(wired).collect();
        core.get_or_load_many(keys, self.plan(), None::<fn(Error) -> R>, loader).await
    }

    /// Gives the entry its whole time to live again, as the policy has it; false where there is
    /// none.
    ///
    /// # Errors
    /// When the entry may have its old time to live.
    ///
    /// # Cancel safety
    /// Dropping the future costs nobody else anything; the entry may or may not have a new life.
    pub async fn touch<K: CacheKey + ?Sized>(&self, key: &K) -> Result<bool> {
        let core = self.cache.core();
        core.touch(&self.key_buf(key), self.plan()).await
    }

    /// Returns the key as the backend knows it.
    pub fn key<K: CacheKey + ?Sized>(&self, key: &K) -> Key {
        Key::from(&self.key_buf(key))
    }

    /// Returns the cache.
    pub fn cache(&self) -> &Cache {
        &self.cache
    }

    pub(super) fn plan(&self) -> Plan<'_> {
        Plan { policy: &self.policy, tags: &self.tags }
    }

    pub(super) fn key_buf<K: CacheKey + ?Sized>(&self, key: &K) -> KeyBuf {
        self.cache.core().key(&self.head, |writer| writer.part(key))
    }
}

impl<T> Clone for TypedCache<T> {
    fn clone(&self) -> Self {
        Self {
            cache: self.cache.clone(),
            name: Arc::clone(&self.name),
            head: self.head.clone(),
            policy: self.policy,
            tags: self.tags.clone(),
            value: PhantomData,
        }
    }
}

impl<T> fmt::Debug for TypedCache<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TypedCache")
            .field("name", &self.name)
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}
