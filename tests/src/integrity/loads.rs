//! A cache in front of numbers that change: what is returned is never older than what was
//! invalidated before it was asked for.

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use fastrand::Rng;
use memclient::{Cache, Error, TypedCache};

use super::truth::Verdict;

const KEYS: u64 = 16;

pub(super) struct Loads {
    cache: TypedCache<String>,
    rows: Arc<[Row]>,
}

#[derive(Default)]
struct Row {
    version: AtomicU64,
    invalidated: AtomicU64,
}

impl Loads {
    pub(super) fn new(cache: &Cache) -> Self {
        Self { cache: cache.typed("row"), rows: (0..KEYS).map(|_| Row::default()).collect() }
    }

    pub(super) fn draw(rng: &mut Rng) -> u64 {
        rng.u64(..KEYS)
    }

    /// Changes what the key stands for.
    pub(super) fn change(&self, key: u64) -> u64 {
        self.row(key).version.fetch_add(1, Ordering::SeqCst) + 1
    }

    pub(super) async fn invalidate(&self, key: u64) -> Result<(), Error> {
        self.cache.invalidate(&key).await
    }

    /// Notes that everybody must see this version from now on.
    pub(super) fn invalidated(&self, key: u64, version: u64) {
        self.row(key).invalidated.fetch_max(version, Ordering::SeqCst);
    }

    pub(super) fn floor(&self, key: u64) -> u64 {
        self.row(key).invalidated.load(Ordering::SeqCst)
    }

    pub(super) async fn load(&self, key: u64) -> Result<String, Error> {
        let rows = Arc::clone(&self.rows);
        let loader = || async move {
            let version =
                rows[usize::try_from(key).unwrap_or_default()].version.load(Ordering::SeqCst);
            tokio::task::yield_now().await;
            Ok::<_, Infallible>(format!("{key}:{version}"))
        };
        Ok(self.cache.get_or_load(&key, loader).await.expect("a cache fails open"))
    }

    pub(super) fn judge(&self, key: u64, floor: u64, found: &str) -> Verdict {
        let Some((owner, version)) = found.split_once(':') else { return Verdict::Broken };
        let Ok(version) = version.parse::<u64>() else { return Verdict::Broken };
        if owner != key.to_string() {
            Verdict::Foreign
        } else if version < floor || version > self.row(key).version.load(Ordering::SeqCst) {
            Verdict::Stale
        } else {
            Verdict::Right
        }
    }

    fn row(&self, key: u64) -> &Row {
        &self.rows[usize::try_from(key).unwrap_or_default()]
    }
}
