use std::{fmt, future::Future, marker::PhantomData, sync::Arc};

use memclient_serde::{CacheKey, CacheValue, Fingerprint, KeyBuf, KeyHead};

use super::{Cache, found::Found, function::key_head, loaded::Loaded, policy::Policy};
use crate::{
    error::Result,
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
    value: PhantomData<fn() -> T>,
}

impl<T: CacheValue> TypedCache<T> {
    pub(super) fn new(cache: Cache, name: &str) -> Self {
        Self {
            cache,
            name: name.into(),
            head: key_head(name, None, Fingerprint::of::<T>()),
            policy: Policy::new(),
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

    /// Returns the value that is kept, or `None`.
    ///
    /// An entry that says "there is none", and one that cannot be read as a `T`, are `None` too.
    ///
    /// # Errors
    /// When the backend cannot be asked.
    ///
    /// # Cancel safety
    /// Dropping the future costs nobody anything.
    pub async fn get<K: CacheKey + ?Sized>(&self, key: &K) -> Result<Option<T>> {
        Ok(self.cache.core().peek(&self.key_buf(key)).await?.and_then(Found::into_value))
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
        core.put(&self.key_buf(key), core.policy(self.policy), Some(value.clone())).await
    }

    /// Removes the entry, in every tier of this process and in the backend. What is being loaded
    /// for it in this process is not kept.
    ///
    /// # Errors
    /// When the entry may still be there: other processes may go on reading it.
    ///
    /// # Cancel safety
    /// Dropping the future costs nobody else anything; the entry may or may not be gone from the
    /// backend.
    pub async fn invalidate<K: CacheKey + ?Sized>(&self, key: &K) -> Result<()> {
        self.cache.core().invalidate(&self.key_buf(key)).await
    }

    /// Returns the value that is kept; where there is none, runs the loader and keeps what it
    /// returns.
    ///
    /// The loader returns `T`, `Option<T>`, `Result<T, E>` or `Result<Option<T>, E>`, and so does
    /// this call ([`Loaded`]). Of all callers in this process who want the same key at once, one
    /// runs its loader and the others get its result; a loader that fails is followed by that of
    /// the next caller. A backend in trouble is passed over.
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
        let core = self.cache.core();
        core.get_or_load(&self.key_buf(key), core.policy(self.policy), loader).await
    }

    /// Returns the key as the backend knows it.
    pub fn key<K: CacheKey + ?Sized>(&self, key: &K) -> Key {
        Key::from(&self.key_buf(key))
    }

    /// Returns the cache.
    pub fn cache(&self) -> &Cache {
        &self.cache
    }

    fn key_buf<K: CacheKey + ?Sized>(&self, key: &K) -> KeyBuf {
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
