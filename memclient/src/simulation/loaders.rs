//! Tasks that read through typed caches, and tasks that change what is cached and invalidate it.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use fastrand::Rng;
use tokio::time::sleep;

use super::world::{Patience, World};
use crate::TypedCache;

/// What the caches are in front of: a version for each key, and the newest one that everybody has
/// to see.
#[derive(Default)]
pub(super) struct Database(Mutex<BTreeMap<u64, Row>>);

#[derive(Clone, Copy, Default)]
struct Row {
    version: u64,
    invalidated: u64,
}

impl Database {
    fn rows(&self) -> MutexGuard<'_, BTreeMap<u64, Row>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn row(&self, key: u64) -> Row {
        self.rows().get(&key).copied().unwrap_or_default()
    }
}

/// One task.
pub(super) struct Loader {
    pub(super) world: Arc<World>,
    pub(super) database: Arc<Database>,
    pub(super) caches: Arc<[TypedCache<String>]>,
    pub(super) rng: Rng,
}

impl Loader {
    pub(super) async fn run(mut self, calls: usize) {
        for _ in 0..calls {
            sleep(Duration::from_micros(self.rng.u64(..60_000))).await;
            let (key, cache) = (self.rng.u64(..3), self.rng.usize(..self.caches.len()));
            if self.rng.u8(..4) == 0 {
                self.change(key, cache).await;
            } else {
                self.read(key, cache).await;
            }
        }
    }

    async fn read(&mut self, key: u64, cache: usize) {
        let (log, least) = (&self.world.log, self.database.row(key).invalidated);
        log.note(format_args!("load {key} of cache {cache}, at least {least}"));
        let (takes, fails) = (self.rng.u64(..30_000), self.rng.u8(..8) == 0);
        let database = Arc::clone(&self.database);
        let loader = || async move {
            let version = database.row(key).version;
            sleep(Duration::from_micros(takes)).await;
            if fails { Err("down") } else { Ok(format!("{key}:{version}")) }
        };
        let call = self.caches[cache].get_or_load(&key, loader);
        let Some(outcome) = Patience::of(&mut self.rng).wait(call).await else {
            log.note(format_args!("load {key} is left"));
            return;
        };
        log.note(format_args!("load {key} is {outcome:?}"));
        let Ok(found) = outcome else { return };
        let (owner, version) = found.split_once(':').expect("it has both");
        let version: u64 = version.parse().expect("it is a number");
        assert_eq!(owner, key.to_string(), "the value of another key");
        assert!(version >= least, "{key} is {version}, and {least} was invalidated before");
        assert!(version <= self.database.row(key).version, "{key} has a version to come");
    }

    async fn change(&mut self, key: u64, cache: usize) {
        let version = {
            let mut rows = self.database.rows();
            let row = rows.entry(key).or_default();
            row.version += 1;
            row.version
        };
        let log = &self.world.log;
        log.note(format_args!("change {key} to {version}"));
        let call = self.caches[cache].invalidate(&key);
        let outcome = Patience::of(&mut self.rng).wait(call).await;
        log.note(format_args!("change {key} to {version} is {outcome:?}"));
        if let Some(Ok(())) = outcome {
            let mut rows = self.database.rows();
            let row = rows.entry(key).or_default();
            row.invalidated = row.invalidated.max(version);
        }
    }
}
