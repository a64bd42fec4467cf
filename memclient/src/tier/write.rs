//! Writing: far, and what was stored there is kept near.

use std::collections::HashMap;

use super::{Tiered, generations::Write};
use crate::{
    backend::{CacheBackend, Delete, Hit, Mode, Set, Written},
    error::Result,
    wire::{Key, Value},
};

impl<Near: CacheBackend, Far: CacheBackend> Tiered<Near, Far> {
    pub(super) async fn store(&self, key: &Key, value: Value, how: Set) -> Result<Written> {
        let write = self.begin_write(key).await?;
        let written = self.far.set(key, value.clone(), how).await?;
        if written.is_stored() && is_whole(how.mode) {
            self.keep_written(key, value, how, &write).await;
        }
        Ok(written)
    }

    pub(super) async fn store_many(&self, entries: Vec<(Key, Value, Set)>) -> Vec<Result<Written>> {
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
                self.keep_written(key, value.clone(), *how, write).await;
            }
        }
        outcomes
    }

    /// Begins a write: from here to the end of the result's life there is no near copy of the key.
    pub(super) async fn begin_write(&self, key: &Key) -> Result<Write<'_>> {
        let write = self.generations.write(key);
        self.forget(key, &write).await?;
        Ok(write)
    }

    async fn forget(&self, key: &Key, write: &Write<'_>) -> Result<()> {
        let _admission = write.exclude_fills().await;
        self.near.delete(key, Delete::default()).await.map(drop)
    }

    /// Keeps near what was just stored far; nobody has read it yet.
    async fn keep_written(&self, key: &Key, value: Value, how: Set, write: &Write<'_>) {
        if self.asks_for_usage() {
            return;
        }
        let left = self.left(how.ttl);
        let Some(near_ttl) = self.near_life(left, how.near) else {
            return;
        };
        let Some(_admission) = write.admit().await else {
            return;
        };
        self.keep_or_forget(key, Hit::new(value).with_ttl_left(left), near_ttl).await;
    }
}

/// Returns true for the modes that store the value as it is given.
const fn is_whole(mode: Mode) -> bool {
    matches!(mode, Mode::Set | Mode::Add | Mode::Replace)
}

#[cfg(test)]
#[cfg(feature = "moka")]
mod tests {
    use std::{
        future::Future,
        pin::pin,
        sync::{
            Arc,
            atomic::{AtomicBool, Ordering},
        },
        task::{Context, Waker},
    };

    use tokio::task::{JoinSet, yield_now};

    use super::*;
    use crate::{
        backend::{Arithmetic, Get, MokaBackend},
        tier::testing::{Far, key, read, tiers, value},
        wire::Ttl,
    };

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
}
