//! Who answers from memory.

use std::time::Duration;

use memclient::Cache;

use super::{
    spin::{Figures, Round},
    values::{Kept, ROOM, SECONDS},
};
use crate::peers::Outcome;

/// A row of the table.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Row {
    Moka,
    QuickCache,
    Cached,
    CachedSharded,
    CachedAsync,
    Get,
    GetOrLoad,
    Function,
    FunctionAsync,
}

impl Row {
    pub(super) const ALL: [Self; 9] = [
        Self::Moka,
        Self::QuickCache,
        Self::Cached,
        Self::CachedSharded,
        Self::CachedAsync,
        Self::Get,
        Self::GetOrLoad,
        Self::Function,
        Self::FunctionAsync,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Moka => "moka",
            Self::QuickCache => "quick_cache",
            Self::Cached => "cached fn",
            Self::CachedSharded => "cached sharded fn",
            Self::CachedAsync => "cached async fn",
            Self::Get => "TypedCache::get",
            Self::GetOrLoad => "TypedCache::get_or_load",
            Self::Function => "#[cached] fn",
            Self::FunctionAsync => "#[cached] async fn",
        }
    }
}

/// The caches of a run, each filled with all keys.
pub(super) struct Caches<V> {
    moka: moka::sync::Cache<String, V>,
    quick: quick_cache::sync::Cache<String, V>,
    typed: memclient::TypedCache<V>,
}

impl<V: Kept> Caches<V> {
    pub(super) async fn fill(keys: &[String]) -> Outcome<Self> {
        let caches = Self {
            moka: moka::sync::Cache::builder()
                .max_capacity(ROOM as u64)
                .time_to_live(Duration::from_secs(SECONDS))
                .build(),
            quick: quick_cache::sync::Cache::new(ROOM),
            typed: Cache::current().typed("customer").ttl(Duration::from_secs(SECONDS)),
        };
        for key in keys {
            caches.moka.insert(key.clone(), V::of(key));
            caches.quick.insert(key.clone(), V::of(key));
            caches.typed.put(&**key, &V::of(key)).await?;
            V::by_cached(key);
            V::by_cached_sharded(key);
            V::by_cached_async(key).await;
            V::by_memclient(key);
            V::by_memclient_async(key).await;
        }
        Ok(caches)
    }

    /// Runs one round of one row.
    pub(super) fn run(&self, row: Row, round: &Round<'_>) -> Outcome<Figures> {
        match row {
            Row::Moka => round.calls(|key| self.moka.get(key)),
            Row::QuickCache => round.calls(|key| self.quick.get(key)),
            Row::Cached => round.calls(V::by_cached),
            Row::CachedSharded => round.calls(V::by_cached_sharded),
            Row::CachedAsync => round.awaited(async |key| V::by_cached_async(key).await),
            Row::Get => round.awaited(async |key| self.typed.get(key).await),
            Row::GetOrLoad => round
                .awaited(async |key| self.typed.get_or_load(key, || async { V::of(key) }).await),
            Row::Function => round.calls(V::by_memclient),
            Row::FunctionAsync => round.awaited(async |key| V::by_memclient_async(key).await),
        }
    }
}
