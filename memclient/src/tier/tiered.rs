use std::{collections::HashMap, time::Duration};

use crate::{
    backend::{
        Arithmetic, CacheBackend, Capabilities, Delete, Get, Hit, Lease, Mode, Read, Released, Set,
        Tier, TtlLeft, Written,
    },
    clock::Clock,
    error::Result,
    tier::generations::{Generations, Sighting, Write},
    wire::{Deleted, Key, Touched, Ttl, Value},
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
    near: Near,
    far: Far,
    near_ttl: Duration,
    clock: Clock,
    generations: Generations,
}

impl<Near: CacheBackend, Far: CacheBackend> Tiered<Near, Far> {
    /// Returns `near` before `far`. What is near already must be this far backend's, or nothing.
    pub fn new(near: Near, far: Far) -> Self {
        Self {
            near,
            far,
            near_ttl: DEFAULT_NEAR_TTL,
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

    /// Begins a write: from here to the end of the result's life there is no near copy of the key.
    async fn begin_write(&self, key: &Key) -> Result<Write<'_>> {
        let write = self.generations.write(key);
        self.forget(key, &write).await?;
        Ok(write)
    }

    async fn forget(&self, key: &Key, write: &Write<'_>) -> Result<()> {
        let _admission = write.exclude_fills().await;
        self.near.delete(key, Delete::default()).await.map(drop)
    }

    /// Keeps near what was just stored far.
    async fn keep_written(&self, key: &Key, value: Value, ttl: Ttl, write: &Write<'_>) {
        let left = self.left(ttl);
        let Some(near_ttl) = self.near_life(left) else {
            return;
        };
        let Some(_admission) = write.admit().await else {
            return;
        };
        self.keep_or_forget(key, Hit::new(value).with_ttl_left(left), near_ttl).await;
    }

    /// Keeps near what a far read found.
    async fn keep_read(&self, key: &Key, read: &Read, how: Get, sighting: &Sighting<'_>) {
        let found = match read {
            Read::Hit(hit) | Read::Refresh(hit, _) => {
                self.near_life(hit.ttl_left).map(|ttl| (hit, ttl))
            }
            _ => None,
        };
        // A copy can be near only if the near tier was passed over.
        if found.is_none() && !how.skip_near {
            return;
        }
        let Some(_admission) = sighting.admit().await else {
            return;
        };
        match found {
            Some((hit, ttl)) => self.keep_or_forget(key, hit.clone(), ttl).await,
            // If it cannot be removed it still ends with its time to live.
            None => _ = self.near.delete(key, Delete::default()).await,
        }
    }

    async fn keep_or_forget(&self, key: &Key, hit: Hit, ttl: Ttl) {
        if self.near.keep(key, hit, ttl).await.is_err() {
            // The answer is the far tier's; that it could not be kept near harms nobody.
            _ = self.near.delete(key, Delete::default()).await;
        }
    }

    /// Returns how long an item lives that is written now.
    fn left(&self, ttl: Ttl) -> TtlLeft {
        ttl.left(self.clock.wall()).map_or(TtlLeft::Never, TtlLeft::Left)
    }

    /// Returns how long a copy may be near of an item that lives on this long; `None` if not at
    /// all.
    fn near_life(&self, left: TtlLeft) -> Option<Ttl> {
        let life = match left {
            // Lives are rounded up to whole seconds, and the copy must not outlive the item: so
            // down before.
            TtlLeft::Left(left) => self.near_ttl.min(Duration::from_secs(left.as_secs())),
            TtlLeft::Unknown | TtlLeft::Never => self.near_ttl,
        };
        (!life.is_zero()).then_some(Ttl::After(life))
    }

    fn mark_near(&self, hit: &mut Hit) {
        hit.tier = Tier::Near;
        if !self.near.capabilities().contains(Capabilities::COPIES) {
            // The version and the life of the copy say nothing about the item.
            hit.cas = None;
            hit.ttl_left = TtlLeft::Unknown;
        }
    }
}

impl<Near: CacheBackend, Far: CacheBackend> CacheBackend for Tiered<Near, Far> {
    async fn get(&self, key: &Key, how: Get) -> Result<Read> {
        if !how.skip_near
            && let Ok(Read::Hit(mut hit)) = self.near.get(key, Get::default()).await
        {
            self.mark_near(&mut hit);
            return Ok(Read::Hit(hit));
        }
        let sighting = self.generations.sight(key);
        let read = self.far.get(key, how).await?;
        self.keep_read(key, &read, how, &sighting).await;
        Ok(as_far(read))
    }

    async fn get_many(&self, keys: &[Key], how: Get) -> Vec<Result<Read>> {
        let mut answers =
            if how.skip_near { Vec::new() } else { self.near.get_many(keys, Get::default()).await };
        answers.resize_with(keys.len(), || Ok(Read::Miss));
        let mut missing = Vec::new();
        let mut places = Vec::new();
        for (place, answer) in answers.iter_mut().enumerate() {
            if let Ok(Read::Hit(hit)) = answer {
                self.mark_near(hit);
            } else {
                missing.push(keys[place].clone());
                places.push(place);
            }
        }
        if missing.is_empty() {
            return answers;
        }
        let sightings: Vec<_> = missing.iter().map(|key| self.generations.sight(key)).collect();
        let reads = self.far.get_many(&missing, how).await;
        for (((key, sighting), place), read) in
            missing.iter().zip(&sightings).zip(places).zip(reads)
        {
            if let Ok(read) = &read {
                self.keep_read(key, read, how, sighting).await;
            }
            answers[place] = read.map(as_far);
        }
        answers
    }

    async fn set(&self, key: &Key, value: Value, how: Set) -> Result<Written> {
        let write = self.begin_write(key).await?;
        let written = self.far.set(key, value.clone(), how).await?;
        if written.is_stored() && is_whole(how.mode) {
            self.keep_written(key, value, how.ttl, &write).await;
        }
        Ok(written)
    }

    async fn set_many(&self, entries: Vec<(Key, Value, Set)>) -> Vec<Result<Written>> {
        let writes = self.generations.write_all(entries.iter().map(|(key, ..)| key));
        for (key, ..) in &entries {
            let Some(write) = writes.of(key) else {
                continue;
            };
            if let Err(error) = self.forget(key, write).await {
                return entries.iter().map(|_| Err(error.clone())).collect();
            }
        }
        let outcomes = self.far.set_many(entries.clone()).await;
        // Which of two values for one key was stored last is the far tier's secret.
        let mut times = HashMap::new();
        for (key, ..) in &entries {
            *times.entry(key.as_bytes()).or_insert(0) += 1;
        }
        for ((key, value, how), outcome) in entries.iter().zip(&outcomes) {
            let stored_alone = matches!(outcome, Ok(Written::Stored))
                && is_whole(how.mode)
                && times.get(key.as_bytes()) == Some(&1);
            if let (true, Some(write)) = (stored_alone, writes.of(key)) {
                self.keep_written(key, value.clone(), how.ttl, write).await;
            }
        }
        outcomes
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

    async fn keep(&self, key: &Key, hit: Hit, ttl: Ttl) -> Result<()> {
        let _write = self.begin_write(key).await?;
        self.far.keep(key, hit, ttl).await
    }

    async fn keep_near(&self, key: &Key, value: Value, ttl: Ttl) {
        let sighting = self.generations.sight(key);
        let left = self.left(ttl);
        let Some(near_ttl) = self.near_life(left) else {
            return;
        };
        let Some(_admission) = sighting.admit().await else {
            return;
        };
        self.keep_or_forget(key, Hit::new(value).with_ttl_left(left), near_ttl).await;
    }

    fn keep_decoded(&self, key: &Key, value: &Value) {
        self.near.keep_decoded(key, value);
    }
}

/// Returns true for the modes that store the value as it is given.
const fn is_whole(mode: Mode) -> bool {
    matches!(mode, Mode::Set | Mode::Add | Mode::Replace)
}

fn as_far(read: Read) -> Read {
    read.map(|hit| hit.from_tier(Tier::Far))
}

#[cfg(test)]
#[cfg(feature = "moka")]
mod tests {
    use std::{
        future::Future,
        pin::pin,
        sync::{
            Arc,
            atomic::{AtomicBool, AtomicUsize, Ordering},
        },
        task::{Context, Waker},
    };

    use tokio::{
        sync::Semaphore,
        task::{JoinSet, yield_now},
    };

    use crate::backend::MokaBackend;

    use super::*;

    #[tokio::test]
    async fn what_was_read_far_is_answered_near_with_its_version_and_life() {
        let clock = Clock::manual();
        let tiers = Tiered::new(moka(&clock), Far::new(moka(&clock)));
        tiers.far().put("v", Ttl::secs(600)).await;
        let far = get(&tiers, Get::default()).await.unwrap();
        let near = get(&tiers, Get::default()).await.unwrap();
        assert_eq!((far.tier, near.tier), (Tier::Far, Tier::Near));
        assert_eq!((&far.value, far.cas, far.ttl_left), (&near.value, near.cas, near.ttl_left));
        assert!(near.cas.is_some());
        assert_eq!(tiers.local(b"k"), Some(near));
        assert_eq!(tiers.far().reads(), 1);
    }

    #[tokio::test]
    async fn a_near_copy_does_not_outlive_the_item() {
        let clock = Clock::manual();
        let tiers = Tiered::new(moka(&clock), Far::new(moka(&clock))).clock(clock.clone());
        for (ttl, kept) in [(5_000, 5), (5_999, 5), (29_000, 29), (31_000, 30), (900, 0)] {
            let ttl = Ttl::At(clock.wall() + Duration::from_millis(ttl));
            // Kept by the read once, by the write once.
            tiers.far().put("v", ttl).await;
            assert!(get(&tiers, Get::shared()).await.is_some());
            for _ in 0..2 {
                let left = tiers.near().local(b"k").map(|_| ());
                assert_eq!(left.is_some(), kept > 0, "{ttl}");
                assert!(tiers.set(&key(), value("v"), Set::ttl(ttl)).await.unwrap().is_stored());
            }
            clock.advance(Duration::from_secs(kept).saturating_sub(Duration::from_millis(1)));
            assert_eq!(tiers.local(b"k").is_some(), kept > 0, "{ttl}");
            clock.advance(Duration::from_millis(1));
            assert_eq!(tiers.local(b"k"), None, "{ttl}");
            clock.advance(Duration::from_secs(60));
        }
    }

    #[tokio::test]
    async fn what_others_write_is_seen_after_the_near_ttl() {
        let clock = Clock::manual();
        let tiers =
            Tiered::new(moka(&clock), Far::new(moka(&clock))).near_ttl(Duration::from_secs(10));
        tiers.far().put("old", Ttl::Never).await;
        assert_eq!(read(&tiers).await, Some(value("old")));
        tiers.far().put("new", Ttl::Never).await;
        clock.advance(Duration::from_millis(9_999));
        assert_eq!(read(&tiers).await, Some(value("old")));
        clock.advance(Duration::from_millis(1));
        assert_eq!(read(&tiers).await, Some(value("new")));
    }

    #[tokio::test]
    async fn a_near_ttl_of_zero_keeps_nothing_near() {
        let tiers =
            Tiered::new(MokaBackend::new(), Far::new(MokaBackend::new())).near_ttl(Duration::ZERO);
        assert!(tiers.set(&key(), value("v"), Set::default()).await.unwrap().is_stored());
        assert_eq!(read(&tiers).await, Some(value("v")));
        assert_eq!(tiers.local(b"k"), None);
    }

    #[tokio::test]
    async fn an_answer_from_before_a_finished_write_is_not_kept() {
        for delete in [false, true] {
            let tiers = Arc::new(tiers());
            tiers.far().put("old", Ttl::Never).await;
            tiers.far().answers.close();
            let reader = tokio::spawn({
                let tiers = Arc::clone(&tiers);
                async move { read(&tiers).await }
            });
            tiers.far().answers.somebody_waits().await;
            let expected = if delete {
                assert!(tiers.delete(&key(), Delete::default()).await.unwrap().is_deleted());
                None
            } else {
                assert!(tiers.set(&key(), value("new"), Set::default()).await.unwrap().is_stored());
                Some(value("new"))
            };
            tiers.far().answers.open();
            assert_eq!(reader.await.unwrap(), Some(value("old")));
            assert_eq!(tiers.local(b"k").map(|hit| hit.value), expected);
            assert_eq!(read(&tiers).await, expected);
        }
    }

    #[tokio::test]
    async fn an_answer_in_a_batch_from_before_a_finished_write_is_not_kept() {
        let tiers = Arc::new(tiers());
        tiers.far().put("old", Ttl::Never).await;
        tiers.far().answers.close();
        let reader = tokio::spawn({
            let tiers = Arc::clone(&tiers);
            async move { tiers.get_many(&[key()], Get::default()).await }
        });
        tiers.far().answers.somebody_waits().await;
        assert!(tiers.delete(&key(), Delete::default()).await.unwrap().is_deleted());
        tiers.far().answers.open();
        reader.await.unwrap();
        assert_eq!(tiers.local(b"k"), None);
    }

    #[tokio::test]
    async fn nothing_is_kept_near_while_a_write_is_under_way() {
        let tiers = Arc::new(tiers());
        tiers.far().put("old", Ttl::Never).await;
        assert_eq!(read(&tiers).await, Some(value("old")));
        tiers.far().writes.close();
        let writer = tokio::spawn({
            let tiers = Arc::clone(&tiers);
            async move { tiers.set(&key(), value("new"), Set::default()).await }
        });
        tiers.far().writes.somebody_waits().await;
        assert_eq!(tiers.local(b"k"), None);
        assert_eq!(read(&tiers).await, Some(value("old")));
        assert_eq!(tiers.local(b"k"), None);
        tiers.far().writes.open();
        assert!(writer.await.unwrap().unwrap().is_stored());
        assert_eq!(tiers.local(b"k").map(|hit| hit.value), Some(value("new")));
    }

    #[tokio::test]
    async fn a_dropped_write_leaves_nothing_older_near() {
        let tiers = tiers();
        tiers.far().put("old", Ttl::Never).await;
        assert_eq!(read(&tiers).await, Some(value("old")));
        tiers.far().writes.close();
        {
            let key = key();
            let mut writing = pin!(tiers.set(&key, value("new"), Set::default()));
            assert!(writing.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
            assert_eq!(read(&tiers).await, Some(value("old")));
        }
        tiers.far().writes.open();
        assert_eq!(tiers.local(b"k"), None);
        tiers.far().put("new", Ttl::Never).await;
        assert_eq!(read(&tiers).await, Some(value("new")));
        assert_eq!(read(&tiers).await, Some(value("new")));
        assert_eq!(tiers.far().reads(), 3, "the item can be kept near again");
    }

    #[tokio::test]
    async fn only_a_stored_value_is_near_after_a_write() {
        let tiers = tiers();
        assert!(tiers.set(&key(), value("v"), Set::default()).await.unwrap().is_stored());
        assert_eq!(read(&tiers).await, Some(value("v")));
        assert_eq!(tiers.far().reads(), 0);
        let refused = tiers.set(&key(), value("w"), Set::default().mode(Mode::Add)).await.unwrap();
        assert_eq!(refused, Written::NotStored);
        assert_eq!(tiers.local(b"k"), None);
    }

    #[tokio::test]
    async fn a_failed_write_leaves_nothing_near() {
        let far = Far::new(MokaBackend::builder().max_bytes(1_000).build());
        let tiers = Tiered::new(MokaBackend::new(), far);
        let large = || Value::new(vec![0; 2_000], 0);
        assert!(tiers.set(&key(), value("v"), Set::default()).await.unwrap().is_stored());
        assert!(tiers.set(&key(), large(), Set::default()).await.is_err());
        assert_eq!(tiers.local(b"k"), None);
        assert_eq!(read(&tiers).await, None);
        assert!(tiers.set_many(vec![(key(), large(), Set::default())]).await[0].is_err());
        assert_eq!(tiers.local(b"k"), None);
    }

    #[tokio::test]
    async fn what_changes_an_item_in_place_leaves_nothing_near() {
        let tiers = tiers();
        let near = async || {
            assert!(tiers.set(&key(), value("1"), Set::default()).await.unwrap().is_stored());
            assert!(tiers.local(b"k").is_some());
        };
        for mode in [Mode::Append, Mode::Prepend] {
            near().await;
            assert!(
                tiers.set(&key(), value("2"), Set::default().mode(mode)).await.unwrap().is_stored()
            );
            assert_eq!(tiers.local(b"k"), None);
            near().await;
            assert!(
                tiers.set_many(vec![(key(), value("2"), Set::default().mode(mode))]).await[0]
                    .is_ok()
            );
            assert_eq!(tiers.local(b"k"), None);
        }
        near().await;
        assert_eq!(tiers.arithmetic(&key(), Arithmetic::increment(1)).await.unwrap(), Some(2));
        assert_eq!(tiers.local(b"k"), None);
        near().await;
        assert!(tiers.touch(&key(), Ttl::secs(1)).await.unwrap().is_touched());
        assert_eq!(tiers.local(b"k"), None);
        near().await;
        assert!(tiers.delete(&key(), Delete::default()).await.unwrap().is_deleted());
        assert_eq!(tiers.local(b"k"), None);
    }

    #[tokio::test]
    async fn get_many_asks_the_far_tier_once_and_only_for_what_is_not_near() {
        let tiers = tiers();
        let keys = ["a", "b", "c", "a"].map(|name| Key::new(name).unwrap());
        for key in &keys[..2] {
            assert!(
                tiers.far().store.set(key, value("v"), Set::default()).await.unwrap().is_stored()
            );
        }
        assert!(tiers.get(&keys[1], Get::default()).await.is_ok());
        let answers = tiers.get_many(&keys, Get::default()).await;
        let from: Vec<_> =
            answers.into_iter().map(|read| read.unwrap().hit().map(|hit| hit.tier)).collect();
        assert_eq!(from, [Some(Tier::Far), Some(Tier::Near), None, Some(Tier::Far)]);
        assert_eq!(tiers.far().batches(), [3]);
        let answers = tiers.get_many(&keys[..2], Get::default()).await;
        assert!(answers.into_iter().all(|read| read.unwrap().hit().unwrap().tier == Tier::Near));
        assert_eq!(tiers.far().batches(), [3]);
    }

    #[tokio::test]
    async fn a_shared_read_passes_the_near_tier_over_and_refreshes_it() {
        let tiers = tiers();
        tiers.far().put("old", Ttl::Never).await;
        assert_eq!(read(&tiers).await, Some(value("old")));
        tiers.far().put("new", Ttl::Never).await;
        assert_eq!(get(&tiers, Get::shared()).await.unwrap().tier, Tier::Far);
        assert_eq!(tiers.local(b"k").map(|hit| hit.value), Some(value("new")));
        assert!(tiers.far().store.delete(&key(), Delete::default()).await.unwrap().is_deleted());
        assert_eq!(get(&tiers, Get::shared()).await, None);
        assert_eq!(tiers.local(b"k"), None);
    }

    #[tokio::test]
    async fn a_batch_of_writes_is_near_but_for_keys_that_stand_in_it_twice() {
        let tiers = tiers();
        let keys: Vec<Key> = (0..2_000).map(|n| Key::new(n.to_string()).unwrap()).collect();
        let entry = |key: &Key| (key.clone(), value("v"), Set::default());
        let entries = keys.iter().chain(&keys[..1]).map(entry).collect();
        let outcomes = tiers.set_many(entries).await;
        assert!(outcomes.into_iter().all(|outcome| outcome.unwrap().is_stored()));
        assert_eq!(tiers.local(b"0"), None);
        assert!(keys[1..].iter().all(|key| tiers.local(key.as_bytes()).is_some()));
    }

    #[tokio::test]
    async fn a_decoded_form_goes_to_the_near_copy() {
        let tiers = tiers();
        tiers.far().put("5", Ttl::Never).await;
        let hit = get(&tiers, Get::default()).await.unwrap();
        tiers.keep_decoded(&key(), &hit.value.with_decoded(5_u32));
        let near = tiers.local(b"k").unwrap();
        assert_eq!(near.value.decoded::<u32>(), Some(&5));
        assert_eq!(near.cas, hit.cas);
    }

    #[tokio::test]
    async fn a_near_tier_without_copies_tells_no_version_and_no_life() {
        let tiers = Tiered::new(Far::new(MokaBackend::new()), MokaBackend::new());
        assert!(tiers.set(&key(), value("v"), Set::default()).await.unwrap().is_stored());
        let hit = get(&tiers, Get::default()).await.unwrap();
        assert_eq!((hit.tier, hit.cas, hit.ttl_left), (Tier::Near, None, TtlLeft::Unknown));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn among_many_readers_a_writer_always_reads_its_last_write() {
        let tiers = Arc::new(tiers());
        let done = Arc::new(AtomicBool::new(false));
        let mut readers = JoinSet::new();
        for _ in 0..8 {
            let (tiers, done) = (Arc::clone(&tiers), Arc::clone(&done));
            readers.spawn(async move {
                while !done.load(Ordering::SeqCst) {
                    read(&tiers).await;
                    tiers.get_many(&[key()], Get::shared()).await;
                    yield_now().await;
                }
            });
        }
        for n in 0..2_000_u32 {
            if n % 5 == 4 {
                assert!(tiers.delete(&key(), Delete::default()).await.is_ok());
                assert_eq!(read(&tiers).await, None);
                continue;
            }
            let written = Value::new(n.to_string(), 0);
            assert!(tiers.set(&key(), written.clone(), Set::default()).await.unwrap().is_stored());
            for _ in 0..3 {
                assert_eq!(read(&tiers).await.as_ref(), Some(&written));
                yield_now().await;
            }
        }
        done.store(true, Ordering::SeqCst);
        readers.join_all().await;
    }

    fn tiers() -> Tiered<MokaBackend, Far> {
        Tiered::new(MokaBackend::new(), Far::new(MokaBackend::new()))
    }

    fn moka(clock: &Clock) -> MokaBackend {
        MokaBackend::builder().clock(clock.clone()).build()
    }

    fn key() -> Key {
        Key::new("k").unwrap()
    }

    fn value(data: &'static str) -> Value {
        Value::new(data, 0)
    }

    async fn get<B: CacheBackend>(backend: &B, how: Get) -> Option<Hit> {
        backend.get(&key(), how).await.unwrap().hit()
    }

    async fn read<B: CacheBackend>(backend: &B) -> Option<Value> {
        get(backend, Get::default()).await.map(|hit| hit.value)
    }

    /// A far tier whose answers to reads, and whose writes, can be held up on the way.
    struct Far {
        store: MokaBackend,
        answers: Gate,
        writes: Gate,
        reads: AtomicUsize,
        batches: std::sync::Mutex<Vec<usize>>,
    }

    impl Far {
        fn new(store: MokaBackend) -> Self {
            Self {
                store,
                answers: Gate::new(),
                writes: Gate::new(),
                reads: AtomicUsize::new(0),
                batches: std::sync::Mutex::default(),
            }
        }

        /// Writes as another process does.
        async fn put(&self, data: &'static str, ttl: Ttl) {
            assert!(self.store.set(&key(), value(data), Set::ttl(ttl)).await.unwrap().is_stored());
        }

        fn reads(&self) -> usize {
            self.reads.load(Ordering::SeqCst)
        }

        fn batches(&self) -> Vec<usize> {
            self.batches.lock().unwrap().clone()
        }
    }

    impl CacheBackend for Far {
        async fn get(&self, key: &Key, how: Get) -> Result<Read> {
            self.reads.fetch_add(1, Ordering::SeqCst);
            yield_now().await;
            let answer = self.store.get(key, how).await;
            self.answers.pass().await;
            answer
        }

        async fn get_many(&self, keys: &[Key], how: Get) -> Vec<Result<Read>> {
            self.batches.lock().unwrap().push(keys.len());
            yield_now().await;
            let answers = self.store.get_many(keys, how).await;
            self.answers.pass().await;
            answers
        }

        async fn set(&self, key: &Key, value: Value, how: Set) -> Result<Written> {
            self.writes.pass().await;
            self.store.set(key, value, how).await
        }

        async fn delete(&self, key: &Key, how: Delete) -> Result<Deleted> {
            self.writes.pass().await;
            self.store.delete(key, how).await
        }

        async fn touch(&self, key: &Key, ttl: Ttl) -> Result<Touched> {
            self.store.touch(key, ttl).await
        }

        async fn arithmetic(&self, key: &Key, how: Arithmetic) -> Result<Option<u64>> {
            self.store.arithmetic(key, how).await
        }

        fn capabilities(&self) -> Capabilities {
            Capabilities::CAS | Capabilities::TTL_LEFT
        }
    }

    struct Gate {
        closed: AtomicBool,
        waiting: Semaphore,
        passes: Semaphore,
    }

    impl Gate {
        fn new() -> Self {
            Self {
                closed: AtomicBool::new(false),
                waiting: Semaphore::new(0),
                passes: Semaphore::new(0),
            }
        }

        fn close(&self) {
            self.closed.store(true, Ordering::SeqCst);
        }

        fn open(&self) {
            self.closed.store(false, Ordering::SeqCst);
            self.passes.add_permits(1);
        }

        async fn pass(&self) {
            if self.closed.load(Ordering::SeqCst) {
                self.waiting.add_permits(1);
                self.passes.acquire().await.unwrap().forget();
            }
        }

        async fn somebody_waits(&self) {
            self.waiting.acquire().await.unwrap().forget();
        }
    }
}
