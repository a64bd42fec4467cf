//! What every [`CacheBackend`] owes, as functions to call: each panics and says which promise is
//! broken.
//!
//! [`backend_laws!`](crate::backend_laws) makes tests of all of them. Each law uses keys of its
//! own, never used before, so they may run at once, and against a server that is in use. What a
//! backend's [`Capabilities`] leave out is not asked of it.

use std::{
    fmt::Debug,
    future::Future,
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use tokio::{task::JoinSet, time::sleep};

use crate::{
    backend::{
        CacheBackend,
        op::{Arithmetic, Capabilities, Delete, Get, Hit, Mode, Set, TtlLeft, Written},
    },
    error::Result,
    wire::{CasToken, Deleted, Key, Touched, Ttl, Value},
};

/// Makes a module with one test per law of [`CacheBackend`].
///
/// The second argument is an expression for a fresh backend, together with whatever has to live as
/// long as the test: a server to stop afterwards, or `()`. It is evaluated in each test and may
/// `.await`. The crate that uses the macro needs `tokio` with its features `macros` and
/// `rt-multi-thread`.
///
/// ```
/// memclient::backend_laws!(in_process, (memclient::MokaBackend::new(), ()));
/// ```
#[macro_export]
macro_rules! backend_laws {
    ($module:ident, $make:expr) => {
        $crate::backend_laws! { @tests $module, $make,
            a_stored_value_comes_back
            an_empty_value_is_a_hit
            bytes_of_every_kind_come_back
            all_bits_of_the_flags_come_back
            a_key_of_the_full_length_is_a_key
            a_key_never_written_is_a_miss
            a_set_replaces_bytes_and_flags
            get_many_answers_in_the_order_of_the_keys
            get_many_answers_a_repeated_key_each_time
            get_many_of_nothing_is_nothing
            set_many_answers_in_the_order_of_the_entries
            set_many_of_nothing_is_nothing
            add_stores_only_where_nothing_is
            replace_stores_only_over_an_item
            append_adds_behind_and_keeps_the_flags
            prepend_adds_before_and_keeps_the_flags
            append_and_prepend_need_an_item
            of_concurrent_adds_one_stores
            a_write_over_the_version_that_was_read_is_stored
            a_write_over_an_older_version_is_refused
            a_write_over_a_version_of_nothing_is_not_found
            every_write_makes_another_version
            a_read_and_a_touch_keep_the_version
            of_concurrent_writes_over_one_version_one_stores
            a_deleted_item_is_gone
            a_delete_of_nothing_is_not_found
            a_delete_of_the_version_that_was_read_deletes
            a_delete_of_an_older_version_keeps_the_item
            a_life_of_nothing_stores_nothing
            the_life_that_is_left_is_told
            an_endless_life_is_told
            an_expired_item_is_gone
            a_touch_gives_another_life
            a_touch_of_nothing_is_not_found
            a_counter_counts_up_and_down
            a_counter_wraps_at_the_top_and_stops_at_zero
            a_missing_counter_stays_missing
            a_missing_counter_starts_where_it_is_told
            what_is_no_number_is_an_error_and_stays_as_it_is
            concurrent_increments_lose_nothing
            every_task_reads_its_own_writes
            a_local_answer_is_the_answer
            a_shared_read_is_the_answer
            dropped_calls_harm_nothing
        }
    };
    (@tests $module:ident, $make:expr, $($law:ident)*) => {
        mod $module {
            #[allow(unused_imports)]
            use super::*;

            $(
                #[::tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $law() {
                    let (backend, _guard) = $make;
                    $crate::backend::laws::$law(&::std::sync::Arc::new(backend)).await;
                }
            )*
        }
    };
}

/// A read after a set gives the same bytes and flags.
pub async fn a_stored_value_comes_back<B: CacheBackend>(backend: &Arc<B>) {
    let law = Law::new("a stored value comes back", backend);
    let key = law.key("");
    law.put(&key, Value::new("value", 5)).await;
    law.holds(&key, Some(Value::new("value", 5))).await;
}

/// An item without bytes is an item.
pub async fn an_empty_value_is_a_hit<B: CacheBackend>(backend: &Arc<B>) {
    let law = Law::new("an empty value is a hit", backend);
    let key = law.key("");
    law.put(&key, Value::new("", 5)).await;
    law.holds(&key, Some(Value::new("", 5))).await;
}

/// No byte of a value means anything to the backend, protocol words neither.
pub async fn bytes_of_every_kind_come_back<B: CacheBackend>(backend: &Arc<B>) {
    let law = Law::new("bytes of every kind come back", backend);
    let all: Vec<u8> = (0..=u8::MAX).collect();
    let values: [&[u8]; 6] =
        [&all, b"\r\n", b"END\r\n", b"\0", b"VALUE k 0 1\r\nx\r\nEND\r\n", b"HD\r\nEN\r\n"];
    for (n, bytes) in values.into_iter().enumerate() {
        let key = law.key(&n.to_string());
        law.put(&key, Value::new(bytes.to_vec(), 0)).await;
        law.holds(&key, Some(Value::new(bytes.to_vec(), 0))).await;
    }
}

/// Flags are 32 bits that the backend does not touch.
pub async fn all_bits_of_the_flags_come_back<B: CacheBackend>(backend: &Arc<B>) {
    let law = Law::new("all bits of the flags come back", backend);
    for flags in [0, 1, 1 << 16, i32::MAX as u32, 1 << 31, u32::MAX] {
        let key = law.key(&flags.to_string());
        law.put(&key, Value::new("v", flags)).await;
        law.holds(&key, Some(Value::new("v", flags))).await;
    }
}

/// A key may have as many bytes as the backend says, and the last of them counts.
pub async fn a_key_of_the_full_length_is_a_key<B: CacheBackend>(backend: &Arc<B>) {
    let law = Law::new("a key of the full length is a key", backend);
    let head = law.key("");
    let long = |last: char| {
        let mut name = head.to_string();
        let room = law.backend.max_key().saturating_sub(1 + name.len());
        name.extend(std::iter::repeat_n('x', room));
        name.push(last);
        key_of(&name)
    };
    law.put(&long('a'), Value::new("a", 0)).await;
    law.holds(&long('a'), Some(Value::new("a", 0))).await;
    law.holds(&long('b'), None).await;
}

/// A miss is an answer and no error.
pub async fn a_key_never_written_is_a_miss<B: CacheBackend>(backend: &Arc<B>) {
    let law = Law::new("a key never written is a miss", backend);
    law.holds(&law.key(""), None).await;
}

/// Nothing of the old item stays.
pub async fn a_set_replaces_bytes_and_flags<B: CacheBackend>(backend: &Arc<B>) {
    let law = Law::new("a set replaces bytes and flags", backend);
    let key = law.key("");
    law.put(&key, Value::new("a long first value", 1)).await;
    law.holds(&key, Some(Value::new("a long first value", 1))).await;
    law.put(&key, Value::new("short", 0)).await;
    law.holds(&key, Some(Value::new("short", 0))).await;
}

/// A batch has one answer per key, hits and misses at the places of their keys.
pub async fn get_many_answers_in_the_order_of_the_keys<B: CacheBackend>(backend: &Arc<B>) {
    let law = Law::new("get_many answers in the order of the keys", backend);
    let keys: Vec<Key> = (0..300).map(|n| law.key(&n.to_string())).collect();
    let expected: Vec<_> =
        (0..300).map(|n| (n % 3 != 0).then(|| Value::new(format!("value {n}"), n))).collect();
    for (key, value) in keys.iter().zip(&expected) {
        if let Some(value) = value {
            law.put(key, value.clone()).await;
        }
    }
    for _ in 0..2 {
        law.same(law.values(&keys).await, expected.clone(), "the answers of get_many");
    }
}

/// A key that stands twice in a batch is answered twice.
pub async fn get_many_answers_a_repeated_key_each_time<B: CacheBackend>(backend: &Arc<B>) {
    let law = Law::new("get_many answers a repeated key each time", backend);
    let (here, missing) = (law.key("here"), law.key("missing"));
    law.put(&here, Value::new("v", 1)).await;
    let keys = [&here, &missing, &here, &missing, &here].map(Clone::clone);
    let v = || Some(Value::new("v", 1));
    for _ in 0..2 {
        law.same(
            law.values(&keys).await,
            vec![v(), None, v(), None, v()],
            "the answers of get_many",
        );
    }
}

/// A batch without keys has no answers.
pub async fn get_many_of_nothing_is_nothing<B: CacheBackend>(backend: &Arc<B>) {
    let law = Law::new("get_many of nothing is nothing", backend);
    law.same(law.values(&[]).await, Vec::new(), "the answers of get_many");
}

/// A batch has one outcome per entry, at its place, and stores the entries.
pub async fn set_many_answers_in_the_order_of_the_entries<B: CacheBackend>(backend: &Arc<B>) {
    let law = Law::new("set_many answers in the order of the entries", backend);
    let keys: Vec<Key> = (0..300).map(|n| law.key(&n.to_string())).collect();
    let modes = law.offers(Capabilities::MODES);
    let taken = |n: usize| modes && n.is_multiple_of(7);
    for key in keys.iter().enumerate().filter(|(n, _)| taken(*n)).map(|(_, key)| key) {
        law.put(key, Value::new("old", 0)).await;
    }
    let entries = keys
        .iter()
        .enumerate()
        .map(|(n, key)| (key.clone(), Value::new(n.to_string(), 1)))
        .collect();
    let how = if modes { Set::ttl(LONG).mode(Mode::Add) } else { Set::ttl(LONG) };
    let outcomes = law.backend.set_many(entries, how).await;
    let outcomes: Vec<_> =
        outcomes.into_iter().map(|outcome| law.ok(outcome, "set_many")).collect();
    let expected = |n| {
        if taken(n) { Written::NotStored } else { Written::Stored }
    };
    law.same(outcomes, (0..keys.len()).map(expected).collect(), "the outcomes of set_many");
    for (n, key) in keys.iter().enumerate() {
        let value = if taken(n) { Value::new("old", 0) } else { Value::new(n.to_string(), 1) };
        law.holds(key, Some(value)).await;
    }
}

/// A batch without entries has no outcomes.
pub async fn set_many_of_nothing_is_nothing<B: CacheBackend>(backend: &Arc<B>) {
    let law = Law::new("set_many of nothing is nothing", backend);
    law.same(
        law.backend.set_many(Vec::new(), Set::default()).await.len(),
        0,
        "the number of outcomes",
    );
}

/// An add over an item changes nothing and says so.
pub async fn add_stores_only_where_nothing_is<B: CacheBackend>(backend: &Arc<B>) {
    let law = Law::new("add stores only where nothing is", backend);
    if !law.offers(Capabilities::MODES) {
        return;
    }
    let (key, add) = (law.key(""), Set::ttl(LONG).mode(Mode::Add));
    law.writes(&key, Value::new("first", 1), add, Written::Stored).await;
    law.writes(&key, Value::new("second", 2), add, Written::NotStored).await;
    law.holds(&key, Some(Value::new("first", 1))).await;
}

/// A replace of nothing stores nothing and says so.
pub async fn replace_stores_only_over_an_item<B: CacheBackend>(backend: &Arc<B>) {
    let law = Law::new("replace stores only over an item", backend);
    if !law.offers(Capabilities::MODES) {
        return;
    }
    let (key, replace) = (law.key(""), Set::ttl(LONG).mode(Mode::Replace));
    law.writes(&key, Value::new("first", 1), replace, Written::NotStored).await;
    law.holds(&key, None).await;
    law.put(&key, Value::new("first", 1)).await;
    law.writes(&key, Value::new("second", 2), replace, Written::Stored).await;
    law.holds(&key, Some(Value::new("second", 2))).await;
}

/// An append leaves the flags of the item.
pub async fn append_adds_behind_and_keeps_the_flags<B: CacheBackend>(backend: &Arc<B>) {
    let law = Law::new("append adds behind and keeps the flags", backend);
    if !law.offers(Capabilities::MODES) {
        return;
    }
    let key = law.key("");
    law.put(&key, Value::new("ab", 3)).await;
    law.holds(&key, Some(Value::new("ab", 3))).await;
    law.writes(&key, Value::new("cd", 9), Set::default().mode(Mode::Append), Written::Stored).await;
    law.holds(&key, Some(Value::new("abcd", 3))).await;
}

/// A prepend leaves the flags of the item.
pub async fn prepend_adds_before_and_keeps_the_flags<B: CacheBackend>(backend: &Arc<B>) {
    let law = Law::new("prepend adds before and keeps the flags", backend);
    if !law.offers(Capabilities::MODES) {
        return;
    }
    let key = law.key("");
    law.put(&key, Value::new("cd", 3)).await;
    law.holds(&key, Some(Value::new("cd", 3))).await;
    law.writes(&key, Value::new("ab", 9), Set::default().mode(Mode::Prepend), Written::Stored)
        .await;
    law.holds(&key, Some(Value::new("abcd", 3))).await;
}

/// Where nothing is, nothing can be added to.
pub async fn append_and_prepend_need_an_item<B: CacheBackend>(backend: &Arc<B>) {
    let law = Law::new("append and prepend need an item", backend);
    if !law.offers(Capabilities::MODES) {
        return;
    }
    for mode in [Mode::Append, Mode::Prepend] {
        let key = law.key(&format!("{mode:?}"));
        law.writes(&key, Value::new("v", 0), Set::default().mode(mode), Written::NotStored).await;
        law.holds(&key, None).await;
    }
}

/// The condition of an add and its write are one.
pub async fn of_concurrent_adds_one_stores<B: CacheBackend>(backend: &Arc<B>) {
    let law = Law::new("of concurrent adds one stores", backend);
    if !law.offers(Capabilities::MODES) {
        return;
    }
    let key = law.key("");
    let winner = law.race(&key, Set::ttl(LONG).mode(Mode::Add), Written::NotStored).await;
    law.holds(&key, Some(winner)).await;
}

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

/// A read after a delete finds nothing.
pub async fn a_deleted_item_is_gone<B: CacheBackend>(backend: &Arc<B>) {
    let law = Law::new("a deleted item is gone", backend);
    let key = law.key("");
    law.put(&key, Value::new("v", 0)).await;
    law.holds(&key, Some(Value::new("v", 0))).await;
    law.deletes(&key, Delete::default(), Deleted::Deleted).await;
    law.holds(&key, None).await;
}

/// A delete tells whether there was something.
pub async fn a_delete_of_nothing_is_not_found<B: CacheBackend>(backend: &Arc<B>) {
    let law = Law::new("a delete of nothing is not found", backend);
    let key = law.key("");
    law.deletes(&key, Delete::default(), Deleted::NotFound).await;
    if law.offers(Capabilities::CAS) {
        law.deletes(&key, Delete::if_cas(CasToken::new(1)), Deleted::NotFound).await;
    }
}

/// Nobody wrote in between, so the delete goes through.
pub async fn a_delete_of_the_version_that_was_read_deletes<B: CacheBackend>(backend: &Arc<B>) {
    let law = Law::new("a delete of the version that was read deletes", backend);
    if !law.offers(Capabilities::CAS) {
        return;
    }
    let key = law.key("");
    law.put(&key, Value::new("v", 0)).await;
    let version = law.version(&key).await;
    law.deletes(&key, Delete::if_cas(version), Deleted::Deleted).await;
    law.holds(&key, None).await;
}

/// Somebody wrote in between, so nothing changes.
pub async fn a_delete_of_an_older_version_keeps_the_item<B: CacheBackend>(backend: &Arc<B>) {
    let law = Law::new("a delete of an older version keeps the item", backend);
    if !law.offers(Capabilities::CAS) {
        return;
    }
    let key = law.key("");
    law.put(&key, Value::new("old", 0)).await;
    let version = law.version(&key).await;
    law.put(&key, Value::new("new", 1)).await;
    law.deletes(&key, Delete::if_cas(version), Deleted::Exists).await;
    law.holds(&key, Some(Value::new("new", 1))).await;
}

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

/// Each change answers with the counter's new value.
pub async fn a_counter_counts_up_and_down<B: CacheBackend>(backend: &Arc<B>) {
    let law = Law::new("a counter counts up and down", backend);
    if !law.offers(Capabilities::ARITHMETIC) {
        return;
    }
    let key = law.key("");
    law.put(&key, Value::new("10", 0)).await;
    law.holds(&key, Some(Value::new("10", 0))).await;
    law.counts(&key, Arithmetic::increment(5), Some(15)).await;
    law.holds(&key, Some(Value::new("15", 0))).await;
    law.counts(&key, Arithmetic::decrement(4), Some(11)).await;
    law.counts(&key, Arithmetic::increment(0), Some(11)).await;
    law.holds(&key, Some(Value::new("11", 0))).await;
}

/// A counter has 64 bits without a sign.
pub async fn a_counter_wraps_at_the_top_and_stops_at_zero<B: CacheBackend>(backend: &Arc<B>) {
    let law = Law::new("a counter wraps at the top and stops at zero", backend);
    if !law.offers(Capabilities::ARITHMETIC) {
        return;
    }
    let key = law.key("");
    law.put(&key, Value::new(u64::MAX.to_string(), 0)).await;
    law.counts(&key, Arithmetic::increment(3), Some(2)).await;
    law.counts(&key, Arithmetic::decrement(u64::MAX), Some(0)).await;
    law.counts(&key, Arithmetic::increment(u64::MAX), Some(u64::MAX)).await;
}

/// A change without a start makes no counter.
pub async fn a_missing_counter_stays_missing<B: CacheBackend>(backend: &Arc<B>) {
    let law = Law::new("a missing counter stays missing", backend);
    if !law.offers(Capabilities::ARITHMETIC) {
        return;
    }
    let key = law.key("");
    law.counts(&key, Arithmetic::increment(1), None).await;
    law.counts(&key, Arithmetic::decrement(1), None).await;
    law.holds(&key, None).await;
}

/// A change with a start makes a counter of that value, and changes one that is there.
pub async fn a_missing_counter_starts_where_it_is_told<B: CacheBackend>(backend: &Arc<B>) {
    let law = Law::new("a missing counter starts where it is told", backend);
    if !law.offers(Capabilities::ARITHMETIC) {
        return;
    }
    let key = law.key("");
    let change = Arithmetic::increment(5).or_start_at(100, LONG);
    law.counts(&key, change, Some(100)).await;
    law.counts(&key, change, Some(105)).await;
}

/// A change of what is no number is an error, leaves the item, and leaves the backend in order.
pub async fn what_is_no_number_is_an_error_and_stays_as_it_is<B: CacheBackend>(backend: &Arc<B>) {
    let law = Law::new("what is no number is an error and stays as it is", backend);
    if !law.offers(Capabilities::ARITHMETIC) {
        return;
    }
    let (text, counter) = (law.key("text"), law.key("counter"));
    law.put(&text, Value::new("text", 4)).await;
    law.put(&counter, Value::new("1", 0)).await;
    for change in [Arithmetic::increment(1), Arithmetic::decrement(1)] {
        law.check(law.backend.arithmetic(&text, change).await.is_err(), "the change was no error");
        law.holds(&text, Some(Value::new("text", 4))).await;
    }
    law.counts(&counter, Arithmetic::increment(1), Some(2)).await;
}

/// Every change of a counter counts once.
pub async fn concurrent_increments_lose_nothing<B: CacheBackend>(backend: &Arc<B>) {
    let law = Law::new("concurrent increments lose nothing", backend);
    if !law.offers(Capabilities::ARITHMETIC) {
        return;
    }
    let key = law.key("");
    law.put(&key, Value::new("0", 0)).await;
    let mut tasks = JoinSet::new();
    for _ in 0..TASKS {
        let (backend, key) = (Arc::clone(backend), key.clone());
        tasks.spawn(async move {
            let mut seen = Vec::new();
            for _ in 0..ROUNDS {
                seen.push(backend.arithmetic(&key, Arithmetic::increment(1)).await);
            }
            seen
        });
    }
    let answers = tasks.join_all().await.into_iter().flatten();
    let mut counts: Vec<_> = answers.map(|answer| law.ok(answer, "an increment")).collect();
    counts.sort_unstable();
    law.same(
        counts,
        (1..=(TASKS * ROUNDS) as u64).map(Some).collect(),
        "the answers of all increments",
    );
}

/// Whatever others do, a task's read gives what the task wrote last.
pub async fn every_task_reads_its_own_writes<B: CacheBackend>(backend: &Arc<B>) {
    const NAME: &str = "every task reads its own writes";
    let mut tasks = JoinSet::new();
    for task in 0..TASKS {
        let backend = Arc::clone(backend);
        tasks.spawn(async move {
            let law = Law::new(NAME, &backend);
            let key = law.key(&task.to_string());
            for round in 0..ROUNDS {
                let value = Value::new(format!("{task} {round}"), 0);
                law.put(&key, value.clone()).await;
                law.same(law.value(&key, Get::default()).await, Some(value), "a read after a set");
                if round % 4 == 3 {
                    law.deletes(&key, Delete::default(), Deleted::Deleted).await;
                    law.same(law.value(&key, Get::default()).await, None, "a read after a delete");
                }
            }
        });
    }
    tasks.join_all().await;
}

/// A backend that answers from this process's memory gives the answer of a read.
pub async fn a_local_answer_is_the_answer<B: CacheBackend>(backend: &Arc<B>) {
    let law = Law::new("a local answer is the answer", backend);
    let key = law.key("");
    law.check(
        law.backend.local(key.as_bytes()).is_none(),
        "there is a local answer for a key never written",
    );
    for value in [Value::new("first", 1), Value::new("second", 2)] {
        law.put(&key, value.clone()).await;
        for _ in 0..2 {
            let local = law.backend.local(key.as_bytes()).map(|hit| hit.value);
            law.check(
                local.is_none_or(|local| local == value),
                "the local answer is another value than was set",
            );
            law.same(law.value(&key, Get::default()).await, Some(value.clone()), "the value");
        }
    }
    law.deletes(&key, Delete::default(), Deleted::Deleted).await;
    law.check(
        law.backend.local(key.as_bytes()).is_none(),
        "there is a local answer for a deleted item",
    );
}

/// Passing in-process tiers over changes nothing about what one writer sees.
pub async fn a_shared_read_is_the_answer<B: CacheBackend>(backend: &Arc<B>) {
    let law = Law::new("a shared read is the answer", backend);
    let key = law.key("");
    for n in 0..4 {
        let value = Some(Value::new("v", n));
        law.put(&key, Value::new("v", n)).await;
        law.same(law.value(&key, Get::shared()).await, value.clone(), "the shared answer");
        law.same(law.value(&key, Get::default()).await, value, "the answer after a shared one");
    }
    let shared = law.backend.get_many(&[key.clone(), key], Get::shared()).await;
    let shared: Vec<_> =
        shared.into_iter().map(|read| law.ok(read, "a shared get_many").value()).collect();
    law.same(shared, vec![Some(Value::new("v", 3)); 2], "the shared answers");
}

/// A call whose future is dropped is done or not done; other calls, then and later, notice nothing.
pub async fn dropped_calls_harm_nothing<B: CacheBackend>(backend: &Arc<B>) {
    let law = Law::new("dropped calls harm nothing", backend);
    let (other, dropped, counter) = (law.key("other"), law.key("dropped"), law.key("counter"));
    law.put(&other, Value::new("other", 1)).await;
    law.put(&counter, Value::new("1", 0)).await;
    let value = || Value::new("dropped", 2);
    for round in 0..20 {
        poll_once(law.backend.get(&dropped, Get::default()));
        poll_once(law.backend.get_many(&[dropped.clone(), other.clone()], Get::default()));
        poll_once(law.backend.set(&dropped, value(), Set::ttl(LONG)));
        poll_once(law.backend.set_many(vec![(dropped.clone(), value())], Set::ttl(LONG)));
        poll_once(law.backend.touch(&dropped, LONG));
        poll_once(law.backend.delete(&dropped, Delete::default()));
        if law.offers(Capabilities::ARITHMETIC) {
            poll_once(law.backend.arithmetic(&counter, Arithmetic::increment(1)));
        }
        law.same(
            law.value(&other, Get::default()).await,
            Some(Value::new("other", 1)),
            "another item",
        );
        let fresh = law.key(&format!("fresh{round}"));
        law.put(&fresh, Value::new("fresh", 3)).await;
        law.holds(&fresh, Some(Value::new("fresh", 3))).await;
    }
    let left = law.value(&dropped, Get::default()).await;
    law.check(left.as_ref().is_none_or(|left| *left == value()), &format!("the item is {left:?}"));
    if law.offers(Capabilities::ARITHMETIC) {
        let count = law.backend.arithmetic(&counter, Arithmetic::increment(0)).await;
        let count = law.ok(count, "the counter");
        law.check(
            count.is_some_and(|count| (1..=21).contains(&count)),
            &format!("the counter is {count:?}"),
        );
    }
}

/// Long enough that nothing expires during a law.
const LONG: Ttl = Ttl::secs(1_000);

const TASKS: usize = 16;
const ROUNDS: usize = 25;

/// One law on trial: its name for the complaint, and the calls that every law makes.
struct Law<'a, B> {
    name: &'static str,
    backend: &'a Arc<B>,
    nonce: u64,
}

impl<'a, B: CacheBackend> Law<'a, B> {
    fn new(name: &'static str, backend: &'a Arc<B>) -> Self {
        Self { name, backend, nonce: fastrand::u64(..) }
    }

    /// Returns a key that no law has used before, the same for the same part.
    fn key(&self, part: &str) -> Key {
        key_of(&format!("laws:{}:{:016x}:{part}", self.name.replace(' ', "-"), self.nonce))
    }

    fn offers(&self, capability: Capabilities) -> bool {
        self.backend.capabilities().contains(capability)
    }

    async fn put(&self, key: &Key, value: Value) {
        self.writes(key, value, Set::ttl(LONG), Written::Stored).await;
    }

    async fn writes(&self, key: &Key, value: Value, how: Set, expected: Written) {
        let outcome = self.ok(self.backend.set(key, value, how).await, "a write");
        self.same(outcome, expected, "the outcome of a write");
    }

    async fn deletes(&self, key: &Key, how: Delete, expected: Deleted) {
        let outcome = self.ok(self.backend.delete(key, how).await, "a delete");
        self.same(outcome, expected, "the outcome of a delete");
    }

    async fn touches(&self, key: &Key, ttl: Ttl, expected: Touched) {
        let outcome = self.ok(self.backend.touch(key, ttl).await, "a touch");
        self.same(outcome, expected, "the outcome of a touch");
    }

    async fn counts(&self, key: &Key, how: Arithmetic, expected: Option<u64>) {
        let outcome = self.ok(self.backend.arithmetic(key, how).await, "a change of a counter");
        self.same(outcome, expected, "the counter");
    }

    /// Lets many tasks write at once; returns the value of the one whose write was stored.
    async fn race(&self, key: &Key, how: Set, loser: Written) -> Value {
        let mut tasks = JoinSet::new();
        for task in 0..TASKS {
            let (backend, key) = (Arc::clone(self.backend), key.clone());
            let value = Value::new(format!("task {task}"), 0);
            tasks.spawn(async move { (value.clone(), backend.set(&key, value, how).await) });
        }
        let mut winners = Vec::new();
        for (value, outcome) in tasks.join_all().await {
            match self.ok(outcome, "a write") {
                Written::Stored => winners.push(value),
                outcome => self.same(outcome, loser, "the outcome of a write that lost"),
            }
        }
        self.same(winners.len(), 1, "the number of writes that were stored");
        winners.swap_remove(0)
    }

    /// Asks in every way there is, more than once, so that tiers answer too.
    async fn holds(&self, key: &Key, expected: Option<Value>) {
        for how in [Get::default(), Get::default(), Get::shared(), Get::default()] {
            self.same(self.value(key, how).await, expected.clone(), "the value");
        }
        self.same(
            self.values(std::slice::from_ref(key)).await,
            vec![expected],
            "the value in a batch",
        );
    }

    async fn value(&self, key: &Key, how: Get) -> Option<Value> {
        self.read(key, how).await.map(|hit| hit.value)
    }

    async fn values(&self, keys: &[Key]) -> Vec<Option<Value>> {
        let reads = self.backend.get_many(keys, Get::default()).await;
        reads.into_iter().map(|read| self.ok(read, "a read in a batch").value()).collect()
    }

    /// Versions and lives are asked of the shared tier, which always knows them.
    async fn version(&self, key: &Key) -> CasToken {
        let Some(version) = self.hit(key).await.cas else { self.broken("a hit has no version") };
        version
    }

    async fn hit(&self, key: &Key) -> Hit {
        let Some(hit) = self.read(key, Get::shared()).await else {
            self.broken("an item is missing")
        };
        hit
    }

    async fn read(&self, key: &Key, how: Get) -> Option<Hit> {
        self.ok(self.backend.get(key, how).await, "a read").hit()
    }

    #[track_caller]
    fn ok<T>(&self, result: Result<T>, what: &str) -> T {
        match result {
            Ok(value) => value,
            Err(error) => self.broken(&format!("{what} failed: {error}")),
        }
    }

    #[expect(clippy::needless_pass_by_value, reason = "the expectations are written in place")]
    #[track_caller]
    fn same<T: Debug + PartialEq>(&self, found: T, expected: T, what: &str) {
        self.check(found == expected, &format!("{what} is {found:?}, expected {expected:?}"));
    }

    #[track_caller]
    fn check(&self, holds: bool, complaint: &str) {
        if !holds {
            self.broken(complaint);
        }
    }

    #[track_caller]
    fn broken(&self, complaint: &str) -> ! {
        panic!("the backend breaks the law \"{}\": {complaint}", self.name)
    }
}

#[expect(
    clippy::expect_used,
    reason = "the laws make their keys of letters, digits and punctuation"
)]
fn key_of(name: &str) -> Key {
    Key::new(name).expect("the name is a key")
}

/// Lets a call begin and drops it where it first has to wait.
fn poll_once(call: impl Future) {
    let begun: Poll<_> = pin!(call).poll(&mut Context::from_waker(Waker::noop()));
    drop(begun);
}

#[cfg(test)]
#[cfg(feature = "moka")]
mod tests {
    use crate::{
        backend::{AnyBackend, MokaBackend, Read},
        tier::Tiered,
    };

    use super::*;

    crate::backend_laws!(in_process, (MokaBackend::new(), ()));
    crate::backend_laws!(
        erased,
        (AnyBackend::new(Tiered::new(MokaBackend::new(), MokaBackend::new())), ())
    );
    crate::backend_laws!(tiered, {
        let far = Tiered::new(MokaBackend::new(), Arc::new(MokaBackend::new()));
        (Tiered::new(AnyBackend::new(MokaBackend::new()), far), ())
    });

    #[test]
    fn every_law_is_in_the_suite() {
        let source = include_str!("laws.rs");
        let (macros, functions) = source.split_once("(@tests $module:ident").unwrap();
        let laws: Vec<&str> = functions
            .lines()
            .filter_map(|line| line.strip_prefix("pub async fn ")?.split('<').next())
            .collect();
        let listed: Vec<&str> =
            macros.lines().map(str::trim).filter(|line| laws.contains(line)).collect();
        assert!(laws.len() > 40);
        assert_eq!(listed, laws);
    }

    #[tokio::test]
    #[should_panic(
        expected = "the backend breaks the law \"a stored value comes back\": the value is None"
    )]
    async fn a_backend_that_forgets_is_told_which_law_it_breaks() {
        a_stored_value_comes_back(&Arc::new(Forgetful(MokaBackend::new()))).await;
    }

    struct Forgetful(MokaBackend);

    impl CacheBackend for Forgetful {
        async fn get(&self, key: &Key, how: Get) -> Result<Read> {
            self.0.get(key, how).await
        }

        async fn set(&self, _: &Key, _: Value, _: Set) -> Result<Written> {
            Ok(Written::Stored)
        }

        async fn delete(&self, key: &Key, how: Delete) -> Result<Deleted> {
            self.0.delete(key, how).await
        }

        async fn touch(&self, key: &Key, ttl: Ttl) -> Result<Touched> {
            self.0.touch(key, ttl).await
        }

        async fn arithmetic(&self, key: &Key, how: Arithmetic) -> Result<Option<u64>> {
            self.0.arithmetic(key, how).await
        }

        fn capabilities(&self) -> Capabilities {
            Capabilities::NONE
        }
    }
}
