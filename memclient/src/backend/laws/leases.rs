//! Who loads a missing item, and who refreshes an aging one.

use std::{sync::Arc, time::Duration};

use super::law::{LONG, Law, poll_once};
use crate::{
    backend::{
        CacheBackend,
        lease::{LeaseTerms, Released},
        op::{Capabilities, Delete, Get, Mode, Read, Set, Written},
    },
    wire::{Deleted, Ttl, Value},
};

/// Stubs outlast the law.
const TERMS: LeaseTerms = LeaseTerms::new(Duration::from_secs(1_000));

/// An item of the laws' usual life is to be refreshed under these.
const REFRESH: LeaseTerms = TERMS.recache(Duration::from_secs(5_000));

/// Of many who find nothing, one is to load it, and the others hear that somebody does.
pub async fn a_missing_item_is_won_by_one_of_many_readers<B: CacheBackend>(backend: &Arc<B>) {
    let law = Law::new("a missing item is won by one of many readers", backend);
    if !law.offers(Capabilities::LEASE) {
        return;
    }
    let key = law.key("");
    let (won, others) = law.crowd(&key, TERMS).await;
    law.check(matches!(won, Read::Won(lease) if lease.is_of_stub()), &format!("{won:?}"));
    law.check(others.iter().all(|read| *read == Read::Held), &format!("{others:?}"));
}

/// Who has the lease fills, and everybody reads it.
pub async fn a_fill_with_the_lease_is_stored<B: CacheBackend>(backend: &Arc<B>) {
    let law = Law::new("a fill with the lease is stored", backend);
    if !law.offers(Capabilities::LEASE) {
        return;
    }
    let key = law.key("");
    let lease = law.wins(&key, TERMS).await;
    law.fills(&key, lease, Value::new("loaded", 5), Written::Stored).await;
    law.holds(&key, Some(Value::new("loaded", 5))).await;
    let read = law.asks(&key, TERMS).await;
    law.check(matches!(read, Read::Hit(_)), &format!("after the fill a reader found {read:?}"));
    law.fills(&key, lease, Value::new("again", 5), Written::Exists).await;
    law.holds(&key, Some(Value::new("loaded", 5))).await;
}

/// What stands there while somebody loads is no value.
pub async fn a_read_without_a_lease_sees_no_stub<B: CacheBackend>(backend: &Arc<B>) {
    let law = Law::new("a read without a lease sees no stub", backend);
    if !law.offers(Capabilities::LEASE) {
        return;
    }
    let key = law.key("");
    let lease = law.wins(&key, TERMS).await;
    for how in [Get::default(), Get::shared()] {
        let read = law.ok(backend.get(&key, how).await, "a read");
        law.same(read, Read::Miss, "the answer while somebody loads");
    }
    law.holds(&key, None).await;
    law.check(backend.local(key.as_bytes()).is_none(), "a stub is a local answer");
    law.fills(&key, lease, Value::new("v", 0), Written::Stored).await;
}

/// An item without bytes is an item, also where it has no flags.
pub async fn an_empty_value_is_no_stub<B: CacheBackend>(backend: &Arc<B>) {
    let law = Law::new("an empty value is no stub", backend);
    if !law.offers(Capabilities::LEASE) {
        return;
    }
    for flags in [0, 5] {
        let key = law.key(&flags.to_string());
        law.put(&key, Value::new("", flags)).await;
        for _ in 0..2 {
            let found = law.asks(&key, TERMS).await;
            law.check(matches!(found, Read::Hit(_)), &format!("an empty item is {found:?}"));
        }
    }
}

/// Reads that ask for nothing leave the lease to those who do.
pub async fn a_read_without_a_lease_takes_none<B: CacheBackend>(backend: &Arc<B>) {
    let law = Law::new("a read without a lease takes none", backend);
    if !law.offers(Capabilities::LEASE) {
        return;
    }
    let (missing, aging) = (law.key("missing"), law.key("aging"));
    law.put(&aging, Value::new("v", 5)).await;
    law.holds(&missing, None).await;
    law.holds(&aging, Some(Value::new("v", 5))).await;
    for key in [missing, aging] {
        law.wins(&key, REFRESH).await;
    }
}

/// A holder who gives up holds nobody up.
pub async fn a_released_lease_is_won_by_the_next<B: CacheBackend>(backend: &Arc<B>) {
    let law = Law::new("a released lease is won by the next", backend);
    if !law.offers(Capabilities::LEASE) {
        return;
    }
    let key = law.key("");
    let first = law.wins(&key, TERMS).await;
    law.same(law.asks(&key, TERMS).await, Read::Held, "the answer before the release");
    law.releases(&key, first, Released::Released).await;
    law.holds(&key, None).await;
    let second = law.wins(&key, TERMS).await;
    law.releases(&key, first, Released::Lost).await;
    law.fills(&key, first, Value::new("first", 0), Written::Exists).await;
    law.fills(&key, second, Value::new("second", 0), Written::Stored).await;
    law.releases(&key, second, Released::Lost).await;
    law.holds(&key, Some(Value::new("second", 0))).await;
}

/// A holder who cannot wait gives the lease back all the same.
pub async fn a_lease_released_in_passing_is_won_soon<B: CacheBackend>(backend: &Arc<B>) {
    let law = Law::new("a lease released in passing is won soon", backend);
    if !law.offers(Capabilities::LEASE) {
        return;
    }
    let key = law.key("");
    for _ in 0..3 {
        let lease = law.wins_soon(&key, TERMS).await;
        backend.release_now(&key, lease);
    }
    let lease = law.wins_soon(&key, TERMS).await;
    let (backend, here) = (Arc::clone(backend), key.clone());
    let elsewhere = std::thread::spawn(move || backend.release_now(&here, lease));
    law.check(elsewhere.join().is_ok(), "a release on a thread without a runtime panics");
    law.wins_soon(&key, TERMS).await;
}

/// A reader who leaves before its answer takes no lease with it.
pub async fn a_dropped_read_keeps_no_lease<B: CacheBackend>(backend: &Arc<B>) {
    let law = Law::new("a dropped read keeps no lease", backend);
    if !law.offers(Capabilities::LEASE) {
        return;
    }
    law.holds(&law.key("before"), None).await;
    let (alone, batch) = (law.key("alone"), law.key("batch"));
    let keys = [batch.clone(), law.key("other")];
    let how = Get::lease(TERMS);
    // Who has the answer has the lease.
    if let Some(Ok(read)) = poll_once(backend.get(&alone, how))
        && let Some(lease) = read.won()
    {
        law.releases(&alone, lease, Released::Released).await;
    }
    for (key, read) in keys.iter().zip(poll_once(backend.get_many(&keys, how)).unwrap_or_default())
    {
        if let Some(lease) = law.ok(read, "a read with a lease").won() {
            law.releases(key, lease, Released::Released).await;
        }
    }
    law.wins_soon(&alone, TERMS).await;
    law.wins_soon(&batch, TERMS).await;
}

/// Whatever happened to the item since the lease was won, what was loaded before it is not stored.
pub async fn a_fill_with_a_lost_lease_stores_nothing<B: CacheBackend>(backend: &Arc<B>) {
    let law = Law::new("a fill with a lost lease stores nothing", backend);
    if !law.offers(Capabilities::LEASE) {
        return;
    }
    let old = || Value::new("old", 1);
    let key = law.key("deleted");
    let lease = law.wins(&key, TERMS).await;
    law.deletes(&key, Delete::default(), Deleted::Deleted).await;
    law.fills(&key, lease, old(), Written::NotFound).await;
    law.holds(&key, None).await;

    let key = law.key("written");
    let lease = law.wins(&key, TERMS).await;
    law.put(&key, Value::new("new", 2)).await;
    law.fills(&key, lease, old(), Written::Exists).await;
    law.holds(&key, Some(Value::new("new", 2))).await;

    let key = law.key("won-by-another");
    let lease = law.wins(&key, TERMS).await;
    law.deletes(&key, Delete::default(), Deleted::Deleted).await;
    let other = law.wins(&key, TERMS).await;
    law.fills(&key, lease, old(), Written::Exists).await;
    law.fills(&key, other, Value::new("new", 2), Written::Stored).await;
    law.holds(&key, Some(Value::new("new", 2))).await;
}

/// A stub is in the way of an add, and of nothing else that writes.
pub async fn a_stub_is_in_the_way_of_an_add_alone<B: CacheBackend>(backend: &Arc<B>) {
    let law = Law::new("a stub is in the way of an add alone", backend);
    if !law.offers(Capabilities::LEASE | Capabilities::MODES) {
        return;
    }
    let key = law.key("");
    law.wins(&key, TERMS).await;
    let add = Set::ttl(LONG).mode(Mode::Add);
    law.writes(&key, Value::new("added", 1), add, Written::NotStored).await;
    law.holds(&key, None).await;
    law.put(&key, Value::new("set", 2)).await;
    law.holds(&key, Some(Value::new("set", 2))).await;
}

/// A holder who vanishes is replaced when the stub has expired. Takes up to three seconds.
pub async fn a_stub_that_expires_gives_a_new_winner<B: CacheBackend>(backend: &Arc<B>) {
    let law = Law::new("a stub that expires gives a new winner", backend);
    if !law.offers(Capabilities::LEASE) {
        return;
    }
    let key = law.key("");
    let first = law.wins(&key, LeaseTerms::new(Duration::from_secs(1))).await;
    let second = law.wins_soon(&key, TERMS).await;
    law.fills(&key, first, Value::new("first", 1), Written::Exists).await;
    law.releases(&key, first, Released::Lost).await;
    law.fills(&key, second, Value::new("second", 2), Written::Stored).await;
    law.holds(&key, Some(Value::new("second", 2))).await;
}

/// An item near its end is good for all, and one is to refresh it.
pub async fn an_aging_item_is_refreshed_by_one_of_many_readers<B: CacheBackend>(backend: &Arc<B>) {
    let law = Law::new("an aging item is refreshed by one of many readers", backend);
    if !law.offers(Capabilities::LEASE) {
        return;
    }
    let (key, value) = (law.key(""), Value::new("v", 5));
    law.put(&key, value.clone()).await;
    let young = law.asks(&key, TERMS.recache(Duration::from_secs(10))).await;
    law.check(matches!(young, Read::Hit(_)), &format!("a young item is {young:?}"));
    let (won, others) = law.crowd(&key, REFRESH).await;
    let Read::Refresh(hit, lease) = won else { law.broken(&format!("the winner found {won:?}")) };
    law.same(hit.value, value.clone(), "the value that the winner found");
    for read in others {
        let Read::Hit(hit) = read else { law.broken(&format!("another reader found {read:?}")) };
        law.same(hit.value, value.clone(), "the value that another reader found");
    }
    law.holds(&key, Some(value)).await;
    law.fills(&key, lease, Value::new("new", 6), Written::Stored).await;
    law.holds(&key, Some(Value::new("new", 6))).await;
    law.wins(&key, REFRESH).await;
}

/// An item that never ends is never near its end.
pub async fn an_endless_item_is_not_refreshed<B: CacheBackend>(backend: &Arc<B>) {
    let law = Law::new("an endless item is not refreshed", backend);
    if !law.offers(Capabilities::LEASE) {
        return;
    }
    let key = law.key("");
    law.writes(&key, Value::new("v", 5), Set::ttl(Ttl::Never), Written::Stored).await;
    let read = law.asks(&key, REFRESH).await;
    law.check(matches!(read, Read::Hit(_)), &format!("an endless item is {read:?}"));
    law.deletes(&key, Delete::default(), Deleted::Deleted).await;
}

/// A refresh that was given up is the next reader's; until then the item counts as stale.
pub async fn a_released_refresh_is_won_by_the_next<B: CacheBackend>(backend: &Arc<B>) {
    let law = Law::new("a released refresh is won by the next", backend);
    if !law.offers(Capabilities::LEASE) {
        return;
    }
    let (key, value) = (law.key(""), Value::new("v", 5));
    law.put(&key, value.clone()).await;
    let lease = law.wins(&key, REFRESH).await;
    law.releases(&key, lease, Released::Released).await;
    let read = law.asks(&key, TERMS).await;
    let Read::StaleWon(hit, next) = read else { law.broken(&format!("the next found {read:?}")) };
    law.same(hit.value, value, "the value of the item");
    law.fills(&key, lease, Value::new("first", 0), Written::Exists).await;
    law.fills(&key, next, Value::new("next", 1), Written::Stored).await;
    law.holds(&key, Some(Value::new("next", 1))).await;
}

/// Many keys in one call are as many calls, each with its own lease.
pub async fn each_key_of_a_batch_has_its_own_lease<B: CacheBackend>(backend: &Arc<B>) {
    let law = Law::new("each key of a batch has its own lease", backend);
    if !law.offers(Capabilities::LEASE) {
        return;
    }
    let (here, held, missing) = (law.key("here"), law.key("held"), law.key("missing"));
    law.put(&here, Value::new("v", 5)).await;
    law.wins(&held, TERMS).await;
    let keys = [&missing, &here, &held, &missing].map(Clone::clone);
    let reads = backend.get_many(&keys, Get::shared().with_lease(TERMS)).await;
    let reads: Vec<_> = reads.into_iter().map(|read| law.ok(read, "a read in a batch")).collect();
    let [Read::Won(lease), Read::Hit(hit), Read::Held, Read::Held] = &reads[..] else {
        law.broken(&format!("a batch is answered with {reads:?}"))
    };
    law.same(hit.value.clone(), Value::new("v", 5), "the value in a batch");
    law.fills(&missing, *lease, Value::new("loaded", 6), Written::Stored).await;

    let keys: Vec<_> = (0..300).map(|n| law.key(&n.to_string())).collect();
    for expected in [true, false] {
        let reads = backend.get_many(&keys, Get::lease(TERMS)).await;
        law.same(reads.len(), keys.len(), "the number of answers");
        let won = |read| matches!(law.ok(read, "a read in a batch"), Read::Won(_));
        law.check(reads.into_iter().all(|read| won(read) == expected), "a batch of missing items");
    }
}

/// Where there are no leases, asking for one is reading, and marking as stale is deleting.
pub async fn without_leases_the_plain_thing_is_done<B: CacheBackend>(backend: &Arc<B>) {
    let law = Law::new("without leases the plain thing is done", backend);
    let (key, value) = (law.key(""), Value::new("v", 5));
    if !law.offers(Capabilities::LEASE) {
        for _ in 0..2 {
            law.same(law.asks(&key, REFRESH).await, Read::Miss, "a miss");
        }
        law.put(&key, value.clone()).await;
        let read = law.asks(&key, REFRESH).await;
        law.check(matches!(&read, Read::Hit(hit) if hit.value == value), &format!("{read:?}"));
    }
    if !law.offers(Capabilities::STALE) {
        law.put(&key, value).await;
        law.deletes(&key, Delete::stale_for(Duration::from_secs(100)), Deleted::Deleted).await;
        law.holds(&key, None).await;
    }
}
