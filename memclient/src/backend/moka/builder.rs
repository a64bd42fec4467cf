use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use foldhash::quality::RandomState;
use moka::{Expiry, sync::Cache};

use super::{MokaBackend, item::Item, versions::Versions, weight::weight};
use crate::{
    backend::{front::Front, op::TtlLeft},
    clock::Clock,
    wire::Key,
};

const DEFAULT_BYTES: u64 = 64 * 1024 * 1024;

/// Builds a [`MokaBackend`].
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing before `build`"]
pub struct MokaBackendBuilder {
    max_bytes: u64,
    clock: Clock,
}

impl Default for MokaBackendBuilder {
    fn default() -> Self {
        Self { max_bytes: DEFAULT_BYTES, clock: Clock::system() }
    }
}

impl MokaBackendBuilder {
    /// Sets the budget of all items together. Defaults to 64 MiB.
    pub fn max_bytes(mut self, bytes: u64) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// Sets the clock that lives are measured by. Defaults to the system's.
    ///
    /// Under a manual clock an expired item frees its memory when it is next written, or when the
    /// budget is full.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Returns the backend.
    pub fn build(self) -> MokaBackend {
        let Self { max_bytes, clock } = self;
        let items = Cache::builder()
            .max_capacity(max_bytes)
            .weigher(|key, item: &Arc<Item>| weight(key, item))
            .expire_after(Timer(clock.clone()))
            // Seeded at random: keys come from users, who must not be able to choose colliding
            // ones.
            .build_with_hasher(RandomState::default());
        let front = Arc::new(Front::before(max_bytes));
        MokaBackend {
            items,
            front,
            versions: Arc::new(Versions::new()),
            unseen: Arc::default(),
            clock,
            max_bytes,
        }
    }
}

/// Frees the memory of expired items; whether an item has expired is decided on reading it, by the
/// backend's clock.
struct Timer(Clock);

impl Timer {
    fn after(&self, item: &Item) -> Option<Duration> {
        // The cache's own clock moves while a manual one stands, and must not end an item early.
        if self.0.is_manual() {
            return None;
        }
        match item.kept.unwrap_or(item.life).left(self.0.now()) {
            TtlLeft::Left(left) => Some(left),
            TtlLeft::Never | TtlLeft::Unknown => None,
        }
    }
}

impl Expiry<Key, Arc<Item>> for Timer {
    fn expire_after_create(&self, _: &Key, item: &Arc<Item>, _: Instant) -> Option<Duration> {
        self.after(item)
    }

    fn expire_after_update(
        &self,
        _: &Key,
        item: &Arc<Item>,
        _: Instant,
        _: Option<Duration>,
    ) -> Option<Duration> {
        self.after(item)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        backend::moka::{
            item::Life,
            testing::{key, value},
        },
        wire::{CasToken, Ttl},
    };

    #[test]
    fn only_the_clock_that_lives_are_measured_by_ends_them() {
        let ends = |clock: Clock| {
            let life = Life::of(Ttl::secs(60), &clock);
            Timer(clock).after(&Item::new(&key(), value("v"), CasToken::new(1), life)).is_some()
        };
        assert!(ends(Clock::system()));
        assert!(!ends(Clock::manual()));
    }
}
