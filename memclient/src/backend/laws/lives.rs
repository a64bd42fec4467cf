//! How long items live.

use std::{sync::Arc, time::Duration};

use tokio::time::sleep;

use super::law::{LONG, Law};
use crate::{
    backend::{
        CacheBackend,
        op::{Capabilities, Delete, Get, Mode, Set, TtlLeft, Written},
    },
    wire::{Deleted, Touched, Ttl, Value},
};

/// An item that expires at once is never seen, and neither is what it replaced.
pub async fn a_life_of_nothing_stores_nothing<B: CacheBackend>(backend: &Arc<B>) {
    let law = Law::new("a life of nothing stores nothing", backend);
    for ttl in [Ttl::Immediately, Ttl::After(Duration::ZERO), Ttl::At(std::time::UNIX_EPOCH)] {
        let key = law.key("");
        law.put(&key, Value::new("old", 0)).await;
        law.holds(&key, Some(Value::new("old", 0))).await;
        law.writes(&key, Value::new("new", 0), Set::ttl(ttl), Written::Stored).await;
        law.holds(&key, None).await;
        law.put(&key, Value::new("old", 0)).await;
        law.touches(&key, ttl, Touched::Touched).await;
        law.holds(&key, None).await;
    }
}

/// A read says how long the item lives on, within what may have passed meanwhile.
pub async fn the_life_that_is_left_is_told<B: CacheBackend>(backend: &Arc<B>) {
    let law = Law::new("the life that is left is told", backend);
    if !law.offers(Capabilities::TTL_LEFT) {
        return;
    }
    // The last is beyond 30 days, where memcached reads a date, by a clock that ticks when the
    // machine lets it.
    for seconds in [1_000, 2_592_000, 3_000_000] {
        let key = law.key(&seconds.to_string());
        law.writes(&key, Value::new("v", 0), Set::ttl(Ttl::secs(seconds)), Written::Stored).await;
        let (least, most) =
            (Duration::from_secs(seconds - 100), Duration::from_secs(seconds + 100));
        let told = law.hit(&key).await.ttl_left;
        let plausible = matches!(told, TtlLeft::Left(left) if (least..=most).contains(&left));
        law.check(plausible, &format!("of {seconds} s are left {told:?}"));
    }
}

/// An item without an end says so.
pub async fn an_endless_life_is_told<B: CacheBackend>(backend: &Arc<B>) {
    let law = Law::new("an endless life is told", backend);
    if !law.offers(Capabilities::TTL_LEFT) {
        return;
    }
    let key = law.key("");
    law.writes(&key, Value::new("v", 0), Set::ttl(Ttl::Never), Written::Stored).await;
    law.same(law.hit(&key).await.ttl_left, TtlLeft::Never, "the life that is left");
    law.deletes(&key, Delete::default(), Deleted::Deleted).await;
}

/// An item goes by itself when its time has passed, and then counts as missing. Takes up to three
/// seconds.
pub async fn an_expired_item_is_gone<B: CacheBackend>(backend: &Arc<B>) {
    let law = Law::new("an expired item is gone", backend);
    let key = law.key("");
    law.writes(&key, Value::new("old", 0), Set::ttl(Ttl::secs(1)), Written::Stored).await;
    let mut polls = 60;
    while law.read(&key, Get::default()).await.is_some() {
        law.check(polls > 0, "an item of one second is there after three");
        polls -= 1;
        sleep(Duration::from_millis(50)).await;
    }
    law.holds(&key, None).await;
    if law.offers(Capabilities::MODES) {
        law.writes(&key, Value::new("new", 0), Set::ttl(LONG).mode(Mode::Add), Written::Stored)
            .await;
        law.holds(&key, Some(Value::new("new", 0))).await;
    }
}

/// A touch changes the life and nothing else.
pub async fn a_touch_gives_another_life<B: CacheBackend>(backend: &Arc<B>) {
    let law = Law::new("a touch gives another life", backend);
    let key = law.key("");
    law.writes(&key, Value::new("v", 5), Set::ttl(Ttl::secs(100)), Written::Stored).await;
    law.holds(&key, Some(Value::new("v", 5))).await;
    law.touches(&key, Ttl::secs(9_000), Touched::Touched).await;
    law.holds(&key, Some(Value::new("v", 5))).await;
    if law.offers(Capabilities::TTL_LEFT) {
        let told = law.hit(&key).await.ttl_left;
        let longer = matches!(told, TtlLeft::Left(left) if left > Duration::from_secs(8_000));
        law.check(longer, &format!("of 9000 s are left {told:?}"));
    }
}

/// A touch tells whether there was something.
pub async fn a_touch_of_nothing_is_not_found<B: CacheBackend>(backend: &Arc<B>) {
    let law = Law::new("a touch of nothing is not found", backend);
    let key = law.key("");
    law.touches(&key, LONG, Touched::NotFound).await;
    law.holds(&key, None).await;
}
