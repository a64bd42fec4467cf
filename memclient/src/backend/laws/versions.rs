//! Writes that depend on the version of an item.

use std::{sync::Arc, time::Duration};

use super::law::{LONG, Law};
use crate::{
    backend::{
        CacheBackend,
        op::{Arithmetic, Capabilities, Delete, Mode, Set, Written},
    },
    wire::{Deleted, Touched, Ttl, Value},
};

/// Nobody wrote in between, so the write goes through.
pub async fn a_write_over_the_version_that_was_read_is_stored<B: CacheBackend>(backend: &Arc<B>) {
    let law = Law::new("a write over the version that was read is stored", backend);
    if !law.offers(Capabilities::CAS) {
        return;
    }
    let key = law.key("");
    law.put(&key, Value::new("old", 1)).await;
    let version = law.version(&key).await;
    law.writes(&key, Value::new("new", 2), Set::ttl(LONG).if_cas(version), Written::Stored).await;
    law.holds(&key, Some(Value::new("new", 2))).await;
}

/// Somebody wrote in between, so nothing changes.
pub async fn a_write_over_an_older_version_is_refused<B: CacheBackend>(backend: &Arc<B>) {
    let law = Law::new("a write over an older version is refused", backend);
    if !law.offers(Capabilities::CAS) {
        return;
    }
    let key = law.key("");
    law.put(&key, Value::new("old", 1)).await;
    let version = law.version(&key).await;
    law.put(&key, Value::new("between", 2)).await;
    law.writes(&key, Value::new("new", 3), Set::ttl(LONG).if_cas(version), Written::Exists).await;
    law.holds(&key, Some(Value::new("between", 2))).await;
}

/// The item went in between, so nothing is stored.
pub async fn a_write_over_a_version_of_nothing_is_not_found<B: CacheBackend>(backend: &Arc<B>) {
    let law = Law::new("a write over a version of nothing is not found", backend);
    if !law.offers(Capabilities::CAS) {
        return;
    }
    let key = law.key("");
    law.put(&key, Value::new("old", 1)).await;
    let version = law.version(&key).await;
    law.deletes(&key, Delete::default(), Deleted::Deleted).await;
    law.writes(&key, Value::new("new", 2), Set::ttl(LONG).if_cas(version), Written::NotFound).await;
    law.holds(&key, None).await;
}

/// A version names one content, also where the content is written again as it was.
pub async fn every_write_makes_another_version<B: CacheBackend>(backend: &Arc<B>) {
    let law = Law::new("every write makes another version", backend);
    if !law.offers(Capabilities::CAS) {
        return;
    }
    let key = law.key("");
    let mut versions = Vec::new();
    for _ in 0..2 {
        law.put(&key, Value::new("7", 0)).await;
        versions.push(law.version(&key).await);
    }
    if law.offers(Capabilities::MODES) {
        for mode in [Mode::Replace, Mode::Append, Mode::Prepend] {
            law.writes(&key, Value::new("7", 0), Set::ttl(LONG).mode(mode), Written::Stored).await;
            versions.push(law.version(&key).await);
        }
    }
    if law.offers(Capabilities::ARITHMETIC) {
        law.counts(&key, Arithmetic::increment(1), Some(if versions.len() > 2 { 778 } else { 8 }))
            .await;
        versions.push(law.version(&key).await);
    }
    law.deletes(&key, Delete::default(), Deleted::Deleted).await;
    law.put(&key, Value::new("7", 0)).await;
    versions.push(law.version(&key).await);
    for (n, version) in versions.iter().enumerate() {
        law.check(
            !versions[..n].contains(version),
            &format!("version {n} of {versions:?} was there before"),
        );
    }
}

/// What does not change the content does not change the version.
pub async fn a_read_and_a_touch_keep_the_version<B: CacheBackend>(backend: &Arc<B>) {
    let law = Law::new("a read and a touch keep the version", backend);
    if !law.offers(Capabilities::CAS) {
        return;
    }
    let key = law.key("");
    law.put(&key, Value::new("v", 1)).await;
    let before = law.version(&key).await;
    law.touches(&key, Ttl::secs(2_000), Touched::Touched).await;
    law.same(law.version(&key).await, before, "the version after a touch");
    law.holds(&key, Some(Value::new("v", 1))).await;
    law.same(law.version(&key).await, before, "the version after a read");
}

/// Whether an item is still the same is told without reading it.
pub async fn an_item_is_confirmed_in_its_own_version_alone<B: CacheBackend>(backend: &Arc<B>) {
    let law = Law::new("an item is confirmed in its own version alone", backend);
    if !law.offers(Capabilities::CONFIRM) {
        return;
    }
    let (first, second, missing) = (law.key("1"), law.key("2"), law.key("3"));
    law.put(&first, Value::new("v", 0)).await;
    law.put(&second, Value::new("v", 0)).await;
    let version = law.version(&first).await;
    law.put(&second, Value::new("w", 0)).await;
    let items = [&first, &second, &missing, &first].map(|key| (key.clone(), version));
    let answers = backend.confirm_many(&items).await;
    law.same(answers.len(), items.len(), "the number of answers");
    let confirmed: Vec<bool> =
        answers.into_iter().map(|answer| law.ok(answer, "a question").is_some()).collect();
    law.same(confirmed, vec![true, false, false, true], "what is confirmed");
    let stale = Delete::stale_for(Duration::from_secs(100));
    law.deletes(&first, stale, Deleted::Deleted).await;
    let answers = backend.confirm_many(&items[..1]).await;
    law.check(matches!(answers[..], [Ok(None)]), &format!("of a stale item: {answers:?}"));
}

/// The comparison of a conditional write and its write are one.
pub async fn of_concurrent_writes_over_one_version_one_stores<B: CacheBackend>(backend: &Arc<B>) {
    let law = Law::new("of concurrent writes over one version one stores", backend);
    if !law.offers(Capabilities::CAS) {
        return;
    }
    let key = law.key("");
    law.put(&key, Value::new("old", 0)).await;
    let version = law.version(&key).await;
    let winner = law.race(&key, Set::ttl(LONG).if_cas(version), Written::Exists).await;
    law.holds(&key, Some(winner)).await;
}
