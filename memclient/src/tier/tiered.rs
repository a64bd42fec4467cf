use std::time::Duration;

use super::generations::Generations;
use crate::{
    backend::{
        Arithmetic, CacheBackend, Capabilities, Delete, Get, Hit, Keep, Lease, Read, Released, Set,
        TtlLeft, Written,
    },
    clock::Clock,
    error::Result,
    wire::{CasToken, Deleted, Key, Touched, Ttl, Value},
};

const DEFAULT_NEAR_TTL: Duration = Duration::from_secs(30);

/// A near backend, in this process, before a far one that processes share.
///
/// Reads are answered near where possible; what the far tier answers is kept near. Writes go to the
/// far tier, and what was stored there is kept near.
///
/// # How old a near answer can be
/// Once a write or a delete through this `Tiered` has returned, also with an error, or was dropped,
/// no read gets what was near before. What others write is seen after [`Tiered::near_ttl`] at the
/// latest. The same holds when a write of this process was answered with an error that says it may
/// have taken effect, and takes effect later. [`Get::shared`] passes the near tier over, and
/// refreshes it.
///
/// A near copy never outlives the item: it lives for as many whole seconds as the far tier says are
/// left.
///
/// # Leases and stale items
/// Who is to load an item is decided by the far tier; a read with a lease that is answered near asks
/// for none. A stub and a stale item are never near: marking an item as stale removes the near copy
/// here, and other processes see the mark after [`Tiered::near_ttl`] at the latest.
///
/// # Versions
/// A near answer has the version that the far tier gave it, if the near backend has
/// [`Capabilities::COPIES`] as [`MokaBackend`](crate::MokaBackend) does; after a write through this
/// process the version is unknown until the next far read. To get a version in any case, read with
/// [`Get::shared`].
///
/// ```
/// # #[cfg(feature = "moka")] {
/// use std::time::Duration;
/// use memclient::{MokaBackend, Tiered};
///
/// # let far = MokaBackend::new();
/// let backend = Tiered::new(MokaBackend::new(), far).near_ttl(Duration::from_secs(5));
/// # let _ = backend;
/// # }
/// ```
#[derive(Debug)]
pub struct Tiered<Near, Far> {
    pub(super) near: Near,
    pub(super) far: Far,
    pub(super) near_ttl: Duration,
    pub(super) revalidate: bool,
    pub(super) hot_within: Option<Duration>,
    pub(super) clock: Clock,
    pub(super) generations: Generations,
}

impl<Near: CacheBackend, Far: CacheBackend> Tiered<Near, Far> {
    /// Returns `near` before `far`. What is near already must be this far backend's, or nothing.
    pub fn new(near: Near, far: Far) -> Self {
        Self {
            near,
            far,
            near_ttl: DEFAULT_NEAR_TTL,
            revalidate: false,
            hot_within: None,
            clock: Clock::system(),
            generations: Generations::new(),
        }
    }

    /// Sets the longest life of a near copy, and so the longest time until this process sees what
    /// another one wrote; it is rounded up to whole seconds, and zero keeps nothing near. Defaults
    /// to 30 seconds.
    #[must_use = "the tiers are returned with the option set"]
    pub fn near_ttl(mut self, ttl: Duration) -> Self {
        self.near_ttl = ttl;
        self
    }

    /// Keeps near copies beyond [`Tiered::near_ttl`], and then asks the far tier for the version and
    /// the life of the item alone: a copy of the same version is good for another near time, and only
    /// a changed item is read again. Answers are no older for it, and each near time costs one round
    /// trip as before, but no value is moved and none decoded; so it pays for large values that seldom
    /// change. The copies that wait for it count towards the near budget. Defaults to off.
    ///
    /// It needs [`Capabilities::CONFIRM`] of the far tier, which memcached has in its meta dialect, and
    /// [`Capabilities::COPIES`] of the near one; elsewhere it does nothing. An answer of
    /// [`Tier::Far`](crate::backend::Tier::Far) is one that the far tier has confirmed too.
    ///
    /// A server that was restarted counts versions anew. So a copy whose item does not end when it
    /// was said to is read again, whatever its version; only an item without an end could be taken
    /// for another one of the same version that has none either.
    #[must_use = "the tiers are returned with the option set"]
    pub fn revalidate(mut self, on: bool) -> Self {
        self.revalidate = on;
        self
    }

    /// Keeps near only what is asked for often, as the far tier knows it: an entry that some process
    /// has read since it was stored, and that was last read or written within this time. So what is
    /// asked for once does not push out what is asked for always, and what this process has just
    /// stored comes near with its second read. memcached counts by whole seconds, and notes the reads
    /// of an item that was cold a little later. Defaults to keeping everything.
    ///
    /// It needs [`Capabilities::USAGE`] of the far tier, which memcached has in its meta dialect;
    /// elsewhere, and on an answer that does not tell, everything is kept. So is what
    /// [`CacheBackend::keep_near`] is given while the far tier cannot be reached.
    #[must_use = "the tiers are returned with the option set"]
    pub fn admit_hot(mut self, within: Duration) -> Self {
        self.hot_within = Some(within);
        self
    }

    /// Sets the clock by which a [`Ttl::At`] becomes a near life. Defaults to the system's.
    #[must_use = "the tiers are returned with the option set"]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Returns the near backend.
    pub fn near(&self) -> &Near {
        &self.near
    }

    /// Returns the far backend.
    pub fn far(&self) -> &Far {
        &self.far
    }
}

impl<Near: CacheBackend, Far: CacheBackend> CacheBackend for Tiered<Near, Far> {
    async fn get(&self, key: &Key, how: Get) -> Result<Read> {
        self.read(key, how).await
    }

    async fn get_many(&self, keys: &[Key], how: Get) -> Vec<Result<Read>> {
        self.read_many(keys, how).await
    }

    async fn confirm_many(&self, items: &[(Key, CasToken)]) -> Vec<Result<Option<TtlLeft>>> {
        self.far.confirm_many(items).await
    }

    async fn set(&self, key: &Key, value: Value, how: Set) -> Result<Written> {
        self.store(key, value, how).await
    }

    async fn set_many(&self, entries: Vec<(Key, Value, Set)>) -> Vec<Result<Written>> {
        self.store_many(entries).await
    }

    async fn delete(&self, key: &Key, how: Delete) -> Result<Deleted> {
        let _write = self.begin_write(key).await?;
        self.far.delete(key, how).await
    }

    async fn release(&self, key: &Key, lease: Lease) -> Result<Released> {
        self.far.release(key, lease).await
    }

    fn release_now(&self, key: &Key, lease: Lease) {
        self.far.release_now(key, lease);
    }

    async fn touch(&self, key: &Key, ttl: Ttl) -> Result<Touched> {
        let _write = self.begin_write(key).await?;
        self.far.touch(key, ttl).await
    }

    async fn arithmetic(&self, key: &Key, how: Arithmetic) -> Result<Option<u64>> {
        let _write = self.begin_write(key).await?;
        self.far.arithmetic(key, how).await
    }

    fn capabilities(&self) -> Capabilities {
        self.far.capabilities()
    }

    fn max_key(&self) -> usize {
        self.far.max_key().min(self.near.max_key())
    }

    fn local(&self, key: &[u8]) -> Option<Hit> {
        let mut hit = self.near.local(key)?;
        self.mark_near(&mut hit);
        Some(hit)
    }

    fn look_local(&self, key: &[u8], look: &mut dyn FnMut(&Value)) -> bool {
        self.near.look_local(key, look)
    }

    async fn keep(&self, key: &Key, hit: Hit, how: Keep) -> Result<()> {
        let _write = self.begin_write(key).await?;
        self.far.keep(key, hit, how).await
    }

    async fn keep_near(&self, key: &Key, value: Value, ttl: Ttl) {
        self.keep_alone(key, value, ttl).await;
    }

    fn keep_decoded(&self, key: &Key, value: &Value) {
        self.near.keep_decoded(key, value);
    }
}
