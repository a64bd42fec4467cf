//! What is kept near, and for how long.

use std::time::Duration;

use super::Tiered;
use crate::{
    backend::{CacheBackend, Capabilities, Delete, Hit, Keep, Tier, TtlLeft},
    wire::{Key, Ttl, Value},
};

impl<Near: CacheBackend, Far: CacheBackend> Tiered<Near, Far> {
    /// Keeps near what the far tier could not be asked to store.
    pub(super) async fn keep_alone(&self, key: &Key, value: Value, ttl: Ttl) {
        let sighting = self.generations.sight(key);
        let left = self.left(ttl);
        let Some(near_ttl) = self.near_life(left, None) else {
            return;
        };
        let Some(_admission) = sighting.admit().await else {
            return;
        };
        self.keep_or_forget(key, Hit::new(value).with_ttl_left(left), near_ttl).await;
    }

    pub(super) async fn keep_or_forget(&self, key: &Key, hit: Hit, ttl: Ttl) {
        // Without a version there is nothing to confirm.
        let how = Keep::ttl(ttl).lapsing(hit.cas.is_some() && self.revalidates());
        if self.near.keep(key, hit, how).await.is_err() {
            // The answer is the far tier's; that it could not be kept near harms nobody.
            _ = self.near.delete(key, Delete::default()).await;
        }
    }

    /// Says whether only what is asked for often is kept near, and the far tier can tell.
    pub(super) fn asks_for_usage(&self) -> bool {
        self.hot_within.is_some() && self.far.capabilities().contains(Capabilities::USAGE)
    }

    /// Says whether what a far read found is asked for often enough to be kept near.
    pub(super) fn is_hot(&self, hit: &Hit) -> bool {
        match (self.hot_within, hit.usage) {
            (Some(within), Some(usage)) => usage.fetched && usage.last_access <= within,
            _ => true,
        }
    }

    /// Says whether copies are confirmed once their near time has passed.
    pub(super) fn revalidates(&self) -> bool {
        self.revalidate && self.far.capabilities().contains(Capabilities::CONFIRM)
    }

    /// Returns how long an item lives that is written now.
    pub(super) fn left(&self, ttl: Ttl) -> TtlLeft {
        ttl.left(self.clock.wall()).map_or(TtlLeft::Never, TtlLeft::Left)
    }

    /// Returns how long a copy may be near of an item that lives on this long, `at_most` where the
    /// caller says so; `None` if not at all.
    pub(super) fn near_life(&self, left: TtlLeft, at_most: Option<Duration>) -> Option<Ttl> {
        let near_ttl = at_most.map_or(self.near_ttl, |at_most| self.near_ttl.min(at_most));
        let life = match left {
            // Lives are rounded up to whole seconds, and the copy must not outlive the item: so
            // down before.
            TtlLeft::Left(left) => near_ttl.min(Duration::from_secs(left.as_secs())),
            TtlLeft::Unknown | TtlLeft::Never => near_ttl,
        };
        (!life.is_zero()).then_some(Ttl::After(life))
    }

    pub(super) fn mark_near(&self, hit: &mut Hit) {
        hit.tier = Tier::Near;
        if !self.near.capabilities().contains(Capabilities::COPIES) {
            // The version and the life of the copy say nothing about the item.
            hit.cas = None;
            hit.ttl_left = TtlLeft::Unknown;
        }
    }
}

#[cfg(test)]
#[cfg(feature = "moka")]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{
        backend::{Get, MokaBackend, Set},
        clock::Clock,
        tier::testing::{Far, get, key, moka, read, tiers, value},
    };

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
    async fn a_near_ttl_of_zero_keeps_nothing_near() {
        let tiers =
            Tiered::new(MokaBackend::new(), Far::new(MokaBackend::new())).near_ttl(Duration::ZERO);
        assert!(tiers.set(&key(), value("v"), Set::default()).await.unwrap().is_stored());
        assert_eq!(read(&tiers).await, Some(value("v")));
        assert_eq!(tiers.local(b"k"), None);
    }

    /// Keeps a value near alone, as a cache does that cannot reach its servers.
    async fn keep_near<Far: CacheBackend>(tiers: &Tiered<MokaBackend, Far>, ttl: Ttl) {
        tiers.keep_near(&key(), value("alone"), ttl).await;
    }

    #[tokio::test]
    async fn what_is_kept_near_alone_lives_as_long_as_it_may_and_no_longer() {
        let clock = Clock::manual();
        let tiers = Tiered::new(moka(&clock), Far::new(moka(&clock))).clock(clock.clone());
        for (ttl, kept) in [
            (Ttl::Never, 30),
            (Ttl::secs(600), 30),
            (Ttl::secs(7), 7),
            (Ttl::At(clock.wall() + Duration::from_secs(1_000)), 30),
            (Ttl::Immediately, 0),
        ] {
            keep_near(&tiers, ttl).await;
            assert_eq!(tiers.local(b"k").is_some(), kept > 0, "{ttl}");
            clock.advance(Duration::from_secs(kept).saturating_sub(Duration::from_millis(1)));
            assert_eq!(tiers.local(b"k").is_some(), kept > 0, "{ttl}");
            clock.advance(Duration::from_millis(1));
            assert_eq!(tiers.local(b"k"), None, "{ttl}");
        }
        assert_eq!(tiers.far().reads(), 0);
        assert_eq!(read(&tiers).await, None, "it was kept nowhere else");
    }

    #[tokio::test]
    async fn nothing_is_kept_near_alone_where_nothing_is_kept_near() {
        let tiers = tiers().near_ttl(Duration::ZERO);
        keep_near(&tiers, Ttl::Never).await;
        assert_eq!(tiers.local(b"k"), None);
    }

    #[tokio::test]
    async fn what_is_kept_near_alone_gives_way_to_writes_and_does_not_come_between_them() {
        let tiers = Arc::new(tiers());
        keep_near(&tiers, Ttl::Never).await;
        tiers.far().writes.close();
        let writer = tokio::spawn({
            let tiers = Arc::clone(&tiers);
            async move { tiers.set(&key(), value("written"), Set::default()).await }
        });
        tiers.far().writes.somebody_waits().await;
        assert_eq!(tiers.local(b"k"), None, "a write has begun");
        keep_near(&tiers, Ttl::Never).await;
        assert_eq!(tiers.local(b"k"), None, "it is under way");
        tiers.far().writes.open();
        assert!(writer.await.unwrap().unwrap().is_stored());
        assert_eq!(tiers.local(b"k").map(|hit| hit.value), Some(value("written")));
    }

    #[tokio::test]
    async fn what_is_too_big_for_the_near_tier_is_answered_far_and_leaves_nothing_older_near() {
        let near = MokaBackend::builder().max_bytes(2_000).build();
        let tiers = Tiered::new(near, Far::new(MokaBackend::new()));
        let big = || Value::new(vec![7; 2_000], 0);
        assert!(tiers.set(&key(), value("small"), Set::default()).await.unwrap().is_stored());
        assert!(tiers.local(b"k").is_some());
        // Written here, read, read in a batch, and kept alone.
        assert!(tiers.set(&key(), big(), Set::default()).await.unwrap().is_stored());
        assert_eq!(tiers.local(b"k"), None);
        for _ in 0..2 {
            assert_eq!(read(&tiers).await, Some(big()));
            let batch = tiers.get_many(&[key()], Get::default()).await;
            assert_eq!(batch[0].clone().unwrap().value(), Some(big()));
            assert_eq!(tiers.local(b"k"), None);
        }
        assert!(tiers.set(&key(), value("small"), Set::default()).await.unwrap().is_stored());
        tiers.keep_near(&key(), big(), Ttl::Never).await;
        assert_eq!(tiers.local(b"k"), None);
        // Written elsewhere, over what is near here.
        assert_eq!(read(&tiers).await, Some(value("small")));
        assert!(tiers.far().store.set(&key(), big(), Set::default()).await.unwrap().is_stored());
        assert_eq!(get(&tiers, Get::shared()).await.map(|hit| hit.value), Some(big()));
        assert_eq!(tiers.local(b"k"), None);
    }

    #[tokio::test]
    async fn a_near_time_is_rounded_up_but_never_beyond_the_item() {
        let clock = Clock::manual();
        for (near, left, kept) in [(1_500, 10_000, 2), (1_500, 1_900, 1), (500, 1_000, 1)] {
            let tiers = Tiered::new(moka(&clock), Far::new(moka(&clock))).clock(clock.clone());
            let tiers = tiers.near_ttl(Duration::from_millis(near));
            let end = Ttl::At(clock.wall() + Duration::from_millis(left));
            assert!(tiers.set(&key(), value("v"), Set::ttl(end)).await.unwrap().is_stored());
            clock.advance(Duration::from_millis(1_000 * kept - 1));
            assert!(tiers.local(b"k").is_some(), "{near} {left}");
            clock.advance(Duration::from_millis(1));
            assert_eq!(tiers.local(b"k"), None, "{near} {left}");
        }
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
}
