//! Items that are marked stale, and who refreshes them.

use std::{sync::Arc, time::Duration};

use tokio::time::sleep;

use super::law::{LONG, Law};
use crate::{
    backend::{
        CacheBackend,
        lease::{Lease, LeaseTerms, Released},
        op::{Capabilities, Delete, Get, Hit, Read, Written},
    },
    wire::{Deleted, Key, Touched, Value},
};

const TERMS: LeaseTerms = LeaseTerms::new(Duration::from_secs(1_000));

/// Outlasts the law.
const STALE: Delete = Delete::stale_for(Duration::from_secs(1_000));

const BOTH: Capabilities = Capabilities::LEASE.union(Capabilities::STALE);

/// A stale item is as it was, and says that it is stale.
pub async fn a_stale_item_keeps_its_bytes_and_flags<B: CacheBackend>(backend: &Arc<B>) {
    let law = Law::new("a stale item keeps its bytes and flags", backend);
    if !law.offers(Capabilities::STALE) {
        return;
    }
    let (key, value) = (law.key(""), Value::new("a\r\nb", u32::MAX));
    law.put(&key, value.clone()).await;
    law.holds(&key, Some(value.clone())).await;
    law.deletes(&key, STALE, Deleted::Deleted).await;
    law.check(backend.local(key.as_bytes()).is_none(), "a stale item is a local answer");
    for how in [Get::default(), Get::shared(), Get::default()] {
        let hit = stale(&law, &key, how).await;
        law.same(hit.value, value.clone(), "the stale value");
        law.same(hit.cas, None, "the version of a stale item");
    }
    let read = backend.get_many(std::slice::from_ref(&key), Get::default()).await.pop();
    law.check(
        matches!(&read, Some(Ok(Read::Stale(hit))) if hit.value == value),
        &format!("in a batch a stale item is {read:?}"),
    );
}

/// Of many who find a stale item, one is to refresh it, and all have the value meanwhile.
pub async fn a_stale_item_is_won_by_one_of_many_readers<B: CacheBackend>(backend: &Arc<B>) {
    let law = Law::new("a stale item is won by one of many readers", backend);
    if !law.offers(BOTH) {
        return;
    }
    let (key, value) = (law.key(""), Value::new("v", 5));
    law.put(&key, value.clone()).await;
    law.deletes(&key, STALE, Deleted::Deleted).await;
    let (won, others) = law.crowd(&key, TERMS).await;
    let Read::StaleWon(hit, lease) = won else { law.broken(&format!("the winner found {won:?}")) };
    law.same(hit.value, value.clone(), "the value that the winner found");
    for read in others {
        let Read::Stale(hit) = read else { law.broken(&format!("another reader found {read:?}")) };
        law.same(hit.value, value.clone(), "the value that another reader found");
    }
    law.fills(&key, lease, Value::new("new", 6), Written::Stored).await;
    law.holds(&key, Some(Value::new("new", 6))).await;
    let read = law.asks(&key, TERMS).await;
    law.check(matches!(read, Read::Hit(_)), &format!("after the fill a reader found {read:?}"));
}

/// Whoever reads a stale item without asking for the lease leaves it to those who do.
pub async fn a_read_without_a_lease_takes_none_of_a_stale_item<B: CacheBackend>(backend: &Arc<B>) {
    let law = Law::new("a read without a lease takes none of a stale item", backend);
    if !law.offers(BOTH) {
        return;
    }
    for round in 0..3 {
        let key = law.key(&round.to_string());
        law.put(&key, Value::new("v", 5)).await;
        law.deletes(&key, STALE, Deleted::Deleted).await;
        match round {
            0 => {
                for how in [Get::default(), Get::shared()] {
                    stale(&law, &key, how).await;
                }
            }
            1 => {
                backend
                    .get_many(&[key.clone(), law.key("other"), key.clone()], Get::default())
                    .await;
            }
            _ => law.touches(&key, LONG, Touched::Touched).await,
        }
        let lease = refresh(&law, &key).await;
        stale(&law, &key, Get::default()).await;
        law.fills(&key, lease, Value::new("new", 6), Written::Stored).await;
    }
}

/// A mark does not appear out of nothing, nor does it stay for what comes later.
pub async fn a_mark_on_nothing_is_not_found<B: CacheBackend>(backend: &Arc<B>) {
    let law = Law::new("a mark on nothing is not found", backend);
    if !law.offers(Capabilities::STALE) {
        return;
    }
    let key = law.key("");
    law.deletes(&key, STALE, Deleted::NotFound).await;
    law.holds(&key, None).await;
    law.put(&key, Value::new("v", 5)).await;
    law.holds(&key, Some(Value::new("v", 5))).await;
}

/// A mark between win and fill makes the fill lose, of a stub as of an item; the next reader loads.
pub async fn a_mark_ends_the_lease_before_it<B: CacheBackend>(backend: &Arc<B>) {
    let law = Law::new("a mark ends the lease before it", backend);
    if !law.offers(BOTH) {
        return;
    }
    let key = law.key("");
    let first = law.wins(&key, TERMS).await;
    law.deletes(&key, STALE, Deleted::Deleted).await;
    law.holds(&key, None).await;
    law.fills(&key, first, Value::new("first", 1), Written::Exists).await;
    law.releases(&key, first, Released::Lost).await;
    let second = law.wins(&key, TERMS).await;
    law.same(law.asks(&key, TERMS).await, Read::Held, "the answer to another reader");
    law.fills(&key, second, Value::new("second", 2), Written::Stored).await;

    law.deletes(&key, STALE, Deleted::Deleted).await;
    let third = refresh(&law, &key).await;
    law.deletes(&key, STALE, Deleted::Deleted).await;
    law.fills(&key, third, Value::new("third", 3), Written::Exists).await;
    let fourth = refresh(&law, &key).await;
    law.fills(&key, fourth, Value::new("fourth", 4), Written::Stored).await;
    law.holds(&key, Some(Value::new("fourth", 4))).await;
}

/// Who gives up leaves the stale item to the next.
pub async fn a_stale_item_released_is_won_by_the_next<B: CacheBackend>(backend: &Arc<B>) {
    let law = Law::new("a stale item released is won by the next", backend);
    if !law.offers(BOTH) {
        return;
    }
    let key = law.key("");
    law.put(&key, Value::new("v", 5)).await;
    law.deletes(&key, STALE, Deleted::Deleted).await;
    let first = refresh(&law, &key).await;
    law.releases(&key, first, Released::Released).await;
    let second = refresh(&law, &key).await;
    law.fills(&key, first, Value::new("first", 1), Written::Exists).await;
    law.releases(&key, first, Released::Lost).await;
    law.same(stale(&law, &key, Get::default()).await.value, Value::new("v", 5), "the stale value");
    law.fills(&key, second, Value::new("second", 2), Written::Stored).await;
}

/// A mark for one version is none for a later one.
pub async fn a_mark_of_an_older_version_marks_nothing<B: CacheBackend>(backend: &Arc<B>) {
    let law = Law::new("a mark of an older version marks nothing", backend);
    if !law.offers(Capabilities::STALE | Capabilities::CAS) {
        return;
    }
    let key = law.key("");
    law.put(&key, Value::new("old", 1)).await;
    let version = law.version(&key).await;
    law.put(&key, Value::new("new", 2)).await;
    let mark = Delete { cas: Some(version), ..STALE };
    law.deletes(&key, mark, Deleted::Exists).await;
    law.holds(&key, Some(Value::new("new", 2))).await;
    let mark = Delete { cas: Some(law.version(&key).await), ..STALE };
    law.deletes(&key, mark, Deleted::Deleted).await;
    stale(&law, &key, Get::default()).await;
}

/// Any write ends the mark.
pub async fn a_write_makes_a_stale_item_good<B: CacheBackend>(backend: &Arc<B>) {
    let law = Law::new("a write makes a stale item good", backend);
    if !law.offers(Capabilities::STALE) {
        return;
    }
    let key = law.key("");
    law.put(&key, Value::new("old", 1)).await;
    law.deletes(&key, STALE, Deleted::Deleted).await;
    law.put(&key, Value::new("new", 2)).await;
    law.holds(&key, Some(Value::new("new", 2))).await;
    law.deletes(&key, STALE, Deleted::Deleted).await;
    law.deletes(&key, Delete::default(), Deleted::Deleted).await;
    law.holds(&key, None).await;
}

/// A stale item goes when its grace has passed, however long it would have lived. Takes up to three
/// seconds.
pub async fn a_stale_item_is_gone_after_its_grace<B: CacheBackend>(backend: &Arc<B>) {
    let law = Law::new("a stale item is gone after its grace", backend);
    if !law.offers(Capabilities::STALE) {
        return;
    }
    let key = law.key("");
    law.put(&key, Value::new("v", 5)).await;
    law.deletes(&key, Delete::stale_for(Duration::from_secs(1)), Deleted::Deleted).await;
    for _ in 0..60 {
        let read = law.ok(backend.get(&key, Get::default()).await, "a read");
        match read {
            Read::Stale(_) => sleep(Duration::from_millis(50)).await,
            read => return law.same(read, Read::Miss, "the answer after the grace"),
        }
    }
    law.broken("an item with a grace of one second is there after three")
}

async fn stale<B: CacheBackend>(law: &Law<'_, B>, key: &Key, how: Get) -> Hit {
    let read = law.ok(law.backend.get(key, how).await, "a read");
    let Read::Stale(hit) = read else { law.broken(&format!("a stale item is {read:?}")) };
    hit
}

async fn refresh<B: CacheBackend>(law: &Law<'_, B>, key: &Key) -> Lease {
    let read = law.asks(key, TERMS).await;
    let Read::StaleWon(_, lease) = read else {
        law.broken(&format!("nobody has the lease of a stale item, and a reader found {read:?}"))
    };
    lease
}
