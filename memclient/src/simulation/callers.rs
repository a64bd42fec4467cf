//! Tasks that use the plain client, each by a sequence of its own.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError, atomic::Ordering},
    time::Duration,
};

use fastrand::Rng;
use tokio::time::sleep;

use super::world::{Ended, World};
use crate::{CasOutcome, Stored, Ttl, error::Delivery};

/// What counting has come to, over all callers.
#[derive(Default)]
pub(super) struct Counts(Mutex<Sums>);

#[derive(Default)]
struct Sums {
    /// Results of increments, with the incarnation of the server.
    results: BTreeSet<(u64, u64)>,
    /// Values that were swapped in.
    swapped: BTreeSet<String>,
    /// Increments that certainly took effect, and that perhaps did, since the last loss.
    certain: u64,
    perhaps: u64,
}

/// One caller.
pub(super) struct Caller {
    pub(super) world: Arc<World>,
    pub(super) counts: Arc<Counts>,
    pub(super) rng: Rng,
    pub(super) number: usize,
}

impl Caller {
    pub(super) async fn run(mut self, calls: usize) {
        for call in 0..calls {
            sleep(Duration::from_micros(self.rng.u64(..60_000))).await;
            let value = format!("{}.{call}", self.number);
            let key = format!("r{}", self.rng.u8(..4));
            match self.rng.u8(..12) {
                0..4 => self.get(&key).await,
                4..6 => {
                    let large = if self.rng.u8(..8) == 0 { self.rng.usize(..40_000) } else { 0 };
                    self.set(&key, &format!("{key}={value}{:large$}", "")).await;
                }
                6 => self.delete(&key).await,
                7 => self.get_many().await,
                8 | 9 => self.count().await,
                _ => self.swap(&value).await,
            }
        }
    }

    async fn get(&mut self, key: &str) {
        let world = &self.world;
        let (ended, began, end) = world.call(key, &mut self.rng, world.client.get(key)).await;
        if let Ended::Done(found) = ended {
            let found = found.map(|value| value.decode::<String>().expect("it is text"));
            world.history().check(key, found.as_deref(), began, end);
        }
    }

    async fn get_many(&mut self) {
        let world = &self.world;
        // More often than not one of them twice.
        let keys: Vec<String> = (0..6).map(|_| format!("r{}", self.rng.u8(..4))).collect();
        let call = async { Ok(world.client.get_many(&keys).await) };
        let (ended, began, end) = world.call("get_many", &mut self.rng, call).await;
        let Ended::Done(found) = ended else { return };
        assert_eq!(found.len(), keys.len());
        for (key, found) in keys.iter().zip(found) {
            let Ok(found) = found else { continue };
            let found = found.map(|value| value.decode::<String>().expect("it is text"));
            world.history().check(key, found.as_deref(), began, end);
        }
    }

    async fn set(&mut self, key: &str, value: &str) {
        let world = &self.world;
        let call = world.client.set(key, value, Ttl::Never);
        let _ =
            world.write(key, Some(value), &mut self.rng, call, |stored| stored.is_stored()).await;
    }

    async fn delete(&mut self, key: &str) {
        let world = &self.world;
        let call = world.client.delete(key);
        // That there is nothing to delete says as much as that it was deleted.
        let _ = world.write(key, None, &mut self.rng, call, |_| true).await;
    }

    /// Counts, and starts the counter where it is missing. No result may come twice.
    async fn count(&mut self) {
        let world = &self.world;
        let incarnation = world.incarnation.load(Ordering::Relaxed);
        let (ended, ..) = world.call("count", &mut self.rng, world.client.incr("n", 1)).await;
        let is_same = incarnation == world.incarnation.load(Ordering::Relaxed);
        let missing = {
            let mut sums = self.counts.sums();
            match ended {
                Ended::Done(Some(result)) => {
                    sums.certain += 1;
                    let is_new = sums.results.insert((incarnation, result));
                    assert!(is_new || !is_same, "two increments came to {result}");
                    false
                }
                Ended::Done(None) => true,
                Ended::Failed(error) => {
                    sums.perhaps += u64::from(error.delivery() == Delivery::Unknown);
                    false
                }
                Ended::Left => {
                    sums.perhaps += 1;
                    false
                }
            }
        };
        if missing {
            let call = world.client.add("n", 0_u64, Ttl::Never);
            let _ = world.call("start", &mut self.rng, call).await;
        }
    }

    /// Reads a value and swaps in the next. Of all who have read one version one succeeds.
    async fn swap(&mut self, value: &str) {
        let world = &self.world;
        let key = "c";
        let (ended, began, end) = world.call(key, &mut self.rng, world.client.gets(key)).await;
        let Ended::Done(item) = ended else { return };
        let Some(item) = item else {
            world.history().check(key, None, began, end);
            let first = format!("{value}/0");
            let call = world.client.add(key, &*first, Ttl::Never);
            let stored = |stored: &Stored| stored.is_stored();
            let _ = world.write(key, Some(&first), &mut self.rng, call, stored).await;
            return;
        };
        let found = item.value.decode::<String>().expect("it is text");
        world.history().check(key, Some(&found), began, end);
        sleep(Duration::from_micros(self.rng.u64(..5_000))).await;
        let mut words = found.split('/');
        let (base, count) = (words.next().expect("it has a base"), words.next());
        let count: u64 = count.and_then(|count| count.parse().ok()).expect("it has a count");
        // The head is the same whoever writes it: two who succeed over one version are found out.
        let head = format!("{base}/{}", count + 1);
        let next = format!("{head}/{value}");
        let call = world.client.cas(key, &*next, Ttl::Never, item.cas);
        let stored = |outcome: &CasOutcome| outcome.is_stored();
        let ended = world.write(key, Some(&next), &mut self.rng, call, stored).await;
        if let Ended::Done(CasOutcome::Stored) = ended {
            let is_new = self.counts.sums().swapped.insert(head);
            assert!(is_new, "{next} was swapped in, and another like it");
        }
    }
}

impl Counts {
    fn sums(&self) -> std::sync::MutexGuard<'_, Sums> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Holds what the counter came to against who counted, where the server has lost nothing.
    pub(super) fn check(&self, counter: u64) {
        let sums = self.sums();
        let (least, most) = (sums.certain, sums.certain + sums.perhaps);
        assert!((least..=most).contains(&counter), "{counter} of {least} to {most} increments");
    }
}
