use std::{
    fmt,
    future::Future,
    io,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use crate::{
    backend::{
        CacheBackend,
        lease::{Lease, Released},
        op::{Arithmetic, Capabilities, Delete, Get, Hit, Keep, Read, Set, TtlLeft, Written},
    },
    error::{Error, Result},
    wire::{CasToken, Deleted, Key, Touched, Ttl, Value},
};

/// A backend that fails and dawdles as often as it is told, for tests of what happens then.
///
/// Which operations are hit is decided by a seed and the order in which they begin, so that a test
/// which asks one after the other sees the same faults in every run. A batch is hit as a whole.
/// Nothing is answered from memory by way of [`CacheBackend::local`]: every read can be hit.
///
/// ```
/// # #[cfg(feature = "moka")] {
/// use memclient::{Cache, Chaos, MokaBackend};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> memclient::Result<()> {
/// let backend = Chaos::new(MokaBackend::new()).fail_before(0.5).fail_after(0.5);
/// let cache = Cache::builder().backend(backend).without_near().build()?;
/// let names = cache.typed::<String>("name");
/// assert_eq!(names.get_or_load(&7, || async { String::from("Ada") }).await, "Ada");
/// assert!(names.get(&7).await.is_err());
/// assert!(cache.stats().backend_errors > 0);
/// # Ok(())
/// # }
/// # main().unwrap();
/// # }
/// ```
pub struct Chaos<B> {
    inner: B,
    before: f64,
    after: f64,
    delayed: f64,
    delay: Duration,
    dice: Mutex<fastrand::Rng>,
    faults: AtomicU64,
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Fault {
    Before,
    After,
}

impl<B: CacheBackend> Chaos<B> {
    /// Returns the backend without faults; the other methods add them.
    pub fn new(inner: B) -> Self {
        Self {
            inner,
            before: 0.0,
            after: 0.0,
            delayed: 0.0,
            delay: Duration::ZERO,
            dice: Mutex::new(fastrand::Rng::with_seed(0)),
            faults: AtomicU64::new(0),
        }
    }

    /// Sets what decides which operations are hit. Defaults to 0.
    #[must_use]
    pub fn seed(self, seed: u64) -> Self {
        Self { dice: Mutex::new(fastrand::Rng::with_seed(seed)), ..self }
    }

    /// Fails this share of the operations, from 0 to 1, before they take effect, as a server does
    /// that cannot be reached ([`Delivery::NotSent`](crate::Delivery::NotSent)). Defaults to 0.
    #[must_use]
    pub fn fail_before(self, share: f64) -> Self {
        Self { before: share, ..self }
    }

    /// Fails this share of the operations, from 0 to 1, after they took effect, as a connection
    /// does that is lost with the answer ([`Delivery::Unknown`](crate::Delivery::Unknown)). With
    /// [`Chaos::fail_before`] it comes to the sum of both. Defaults to 0.
    #[must_use]
    pub fn fail_after(self, share: f64) -> Self {
        Self { after: share, ..self }
    }

    /// Lets this share of the operations, from 0 to 1, wait before they begin, by the clock of
    /// tokio. Defaults to 0.
    #[must_use]
    pub fn delay(self, share: f64, by: Duration) -> Self {
        Self { delayed: share, delay: by, ..self }
    }

    /// Returns the backend that does the work.
    pub fn inner(&self) -> &B {
        &self.inner
    }

    /// Returns how many operations have failed so far.
    pub fn faults(&self) -> u64 {
        self.faults.load(Ordering::SeqCst)
    }

    /// Runs an operation, or fails before or after it.
    async fn run<T>(&self, operation: impl Future<Output = T>) -> Result<T> {
        let (fault, late) = self.throw();
        if late {
            tokio::time::sleep(self.delay).await;
        }
        if fault.is_some() {
            self.faults.fetch_add(1, Ordering::SeqCst);
        }
        if fault == Some(Fault::Before) {
            return Err(Error::connect(io::Error::other("chaos, before it took effect")));
        }
        let outcome = operation.await;
        match fault {
            None => Ok(outcome),
            Some(_) => Err(Error::backend("chaos, after it took effect")),
        }
    }

    /// Decides about one operation.
    fn throw(&self) -> (Option<Fault>, bool) {
        let mut dice = self.dice.lock().unwrap_or_else(PoisonError::into_inner);
        let (fault, late) = (dice.f64(), dice.f64() < self.delayed);
        let fault = if fault < self.before {
            Some(Fault::Before)
        } else {
            (fault < self.before + self.after).then_some(Fault::After)
        };
        (fault, late)
    }
}

impl<B: CacheBackend> CacheBackend for Chaos<B> {
    async fn get(&self, key: &Key, how: Get) -> Result<Read> {
        self.run(self.inner.get(key, how)).await?
    }

    async fn get_many(&self, keys: &[Key], how: Get) -> Vec<Result<Read>> {
        let answers = self.run(self.inner.get_many(keys, how)).await;
        answers.unwrap_or_else(|error| keys.iter().map(|_| Err(error.clone())).collect())
    }

    async fn confirm_many(&self, items: &[(Key, CasToken)]) -> Vec<Result<Option<TtlLeft>>> {
        let answers = self.run(self.inner.confirm_many(items)).await;
        answers.unwrap_or_else(|error| items.iter().map(|_| Err(error.clone())).collect())
    }

    async fn set(&self, key: &Key, value: Value, how: Set) -> Result<Written> {
        self.run(self.inner.set(key, value, how)).await?
    }

    async fn set_many(&self, entries: Vec<(Key, Value, Set)>) -> Vec<Result<Written>> {
        let count = entries.len();
        let outcomes = self.run(self.inner.set_many(entries)).await;
        outcomes.unwrap_or_else(|error| vec![Err(error); count])
    }

    async fn delete(&self, key: &Key, how: Delete) -> Result<Deleted> {
        self.run(self.inner.delete(key, how)).await?
    }

    async fn release(&self, key: &Key, lease: Lease) -> Result<Released> {
        self.run(self.inner.release(key, lease)).await?
    }

    fn release_now(&self, key: &Key, lease: Lease) {
        let (fault, _) = self.throw();
        if fault.is_some() {
            self.faults.fetch_add(1, Ordering::SeqCst);
        }
        if fault != Some(Fault::Before) {
            self.inner.release_now(key, lease);
        }
    }

    async fn touch(&self, key: &Key, ttl: Ttl) -> Result<Touched> {
        self.run(self.inner.touch(key, ttl)).await?
    }

    async fn arithmetic(&self, key: &Key, how: Arithmetic) -> Result<Option<u64>> {
        self.run(self.inner.arithmetic(key, how)).await?
    }

    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    fn max_key(&self) -> usize {
        self.inner.max_key()
    }

    fn lapsed(&self, key: &[u8]) -> Option<Hit> {
        self.inner.lapsed(key)
    }

    async fn keep(&self, key: &Key, hit: Hit, how: Keep) -> Result<()> {
        self.run(self.inner.keep(key, hit, how)).await?
    }

    async fn keep_near(&self, key: &Key, value: Value, ttl: Ttl) {
        self.inner.keep_near(key, value, ttl).await;
    }

    fn keep_decoded(&self, key: &Key, value: &Value) {
        self.inner.keep_decoded(key, value);
    }
}

impl<B: fmt::Debug> fmt::Debug for Chaos<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chaos")
            .field("inner", &self.inner)
            .field("before", &self.before)
            .field("after", &self.after)
            .field("delayed", &(self.delayed, self.delay))
            .field("faults", &self.faults)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
#[cfg(feature = "moka")]
mod tests {
    use super::*;
    use crate::{backend::MokaBackend, error::Delivery};

    fn key() -> Key {
        Key::new("k").unwrap()
    }

    async fn put(backend: &Chaos<MokaBackend>) -> Result<Written> {
        backend.set(&key(), Value::new("v", 0), Set::default()).await
    }

    #[tokio::test]
    async fn a_fault_before_leaves_nothing_and_one_after_leaves_all() {
        let chaos = Chaos::new(MokaBackend::new()).fail_before(1.0);
        assert_eq!(put(&chaos).await.unwrap_err().delivery(), Delivery::NotSent);
        assert_eq!(chaos.inner().local(b"k"), None);
        let chaos = Chaos::new(MokaBackend::new()).fail_after(1.0);
        assert_eq!(put(&chaos).await.unwrap_err().delivery(), Delivery::Unknown);
        assert!(chaos.inner().local(b"k").is_some());
        assert!(chaos.get_many(&[key(), key()], Get::default()).await.iter().all(Result::is_err));
        assert_eq!(chaos.faults(), 2);
    }

    #[tokio::test]
    async fn a_seed_decides_which_operations_fail_and_the_share_how_many() {
        let run = async |seed| {
            let chaos = Chaos::new(MokaBackend::new()).seed(seed).fail_before(0.1).fail_after(0.2);
            let mut failed = Vec::new();
            for _ in 0..1000 {
                failed.push(put(&chaos).await.is_err());
            }
            assert_eq!(chaos.faults(), failed.iter().filter(|failed| **failed).count() as u64);
            (chaos.faults(), failed)
        };
        let (faults, failed) = run(7).await;
        assert!((200..400).contains(&faults), "{faults}");
        assert_eq!(run(7).await.1, failed);
        assert_ne!(run(8).await.1, failed);
    }

    #[tokio::test(start_paused = true)]
    async fn a_delayed_operation_begins_later() {
        let chaos = Chaos::new(MokaBackend::new()).delay(1.0, Duration::from_secs(60));
        let began = tokio::time::Instant::now();
        assert!(put(&chaos).await.unwrap().is_stored());
        assert_eq!(began.elapsed().as_secs(), 60);
    }
}
