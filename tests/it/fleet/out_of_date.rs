//! What a process loaded before another one invalidated the entry is not kept, whichever way it was
//! loaded; nor is it the answer to a call that began after the invalidation.

use std::{
    collections::HashMap,
    future::ready,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use memclient::{Cache, Client, Lookup, Policy, TypedCache, cached};
use memclient_tests::Memcached;
use tokio::{
    sync::Notify,
    time::{sleep, timeout},
};

use super::{HOUR, within};

/// Two processes that read and write the same entries, and keep nothing to themselves.
struct Two {
    _server: Memcached,
    cache: Cache,
    reader: TypedCache<u64>,
    writer: TypedCache<u64>,
}

impl Two {
    async fn new() -> Self {
        let server = Memcached::start().await.unwrap();
        let process = || {
            let client = Client::new(server.address()).unwrap();
            Cache::builder().backend(client).without_near().ttl(HOUR).build().unwrap()
        };
        let (cache, other) = (process(), process());
        let (reader, writer) = (cache.typed("rate"), other.typed("rate"));
        Self { _server: server, cache, reader, writer }
    }

    /// A handle of the reader to which what lives on for an hour is stale.
    fn graced(&self) -> TypedCache<u64> {
        self.reader.clone().policy(Policy::new().ttl(3 * HOUR).grace(2 * HOUR).throttle(HOUR))
    }

    /// Loads 1, which the writer invalidates before the load is over.
    async fn overtaken(&self) -> u64 {
        self.writer.invalidate("EUR").await.unwrap();
        1
    }

    async fn assert_nothing_is_kept(&self) {
        assert_eq!(self.writer.lookup("EUR").await.unwrap(), Lookup::Miss);
    }
}

#[tokio::test]
async fn a_load_of_what_is_missing() {
    let two = Two::new().await;
    assert_eq!(within(two.reader.get_or_load("EUR", || two.overtaken())).await, 1);
    two.assert_nothing_is_kept().await;
}

#[tokio::test]
async fn a_load_of_what_is_stale() {
    let two = Two::new().await;
    two.writer.put("EUR", &0).await.unwrap();
    assert_eq!(within(two.graced().get_or_load("EUR", || two.overtaken())).await, 1);
    two.assert_nothing_is_kept().await;
}

#[tokio::test]
async fn a_load_of_many() {
    let two = Two::new().await;
    let load = |keys: Vec<&'static str>| async {
        let one = two.overtaken().await;
        keys.into_iter().map(|key| (key, one)).collect::<HashMap<_, _>>()
    };
    assert_eq!(within(two.reader.get_or_load_many(["EUR"], load)).await["EUR"], 1);
    two.assert_nothing_is_kept().await;
}

#[tokio::test]
async fn a_load_of_many_of_which_one_is_stale() {
    let two = Two::new().await;
    two.writer.put("EUR", &0).await.unwrap();
    let load = |keys: Vec<&'static str>| async {
        let one = two.overtaken().await;
        keys.into_iter().map(|key| (key, one)).collect::<HashMap<_, _>>()
    };
    assert_eq!(within(two.graced().get_or_load_many(["EUR"], load)).await["EUR"], 1);
    two.assert_nothing_is_kept().await;
}

#[tokio::test]
async fn a_load_ahead_of_the_end() {
    let two = Two::new().await;
    // What lives for two seconds is loaded again in the last of them.
    let ending = two.reader.clone().ttl(Duration::from_secs(2));
    assert_eq!(ending.get_or_load("EUR", || ready(0)).await, 0);
    let (begun, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let ask = async || {
        let (begun, go) = (Arc::clone(&begun), Arc::clone(&go));
        let load = move || async move {
            begun.notify_one();
            go.notified().await;
            1
        };
        ending.get_or_load_in_background("EUR", load).await
    };
    within(async {
        while timeout(Duration::from_millis(1), begun.notified()).await.is_err() {
            assert_eq!(ask().await, 0, "it ended before it was loaded again");
        }
    })
    .await;
    two.writer.invalidate("EUR").await.unwrap();
    go.notify_one();
    until_written(&two.cache, 2).await;
    two.assert_nothing_is_kept().await;
}

#[tokio::test]
async fn a_refresh() {
    static CACHE: OnceLock<Cache> = OnceLock::new();
    #[cached(cache = CACHE.get().unwrap(), name = "rate", ttl = "1h", skip(two))]
    async fn rate(two: &Two, _key: &str) -> u64 {
        two.overtaken().await
    }
    let two = Two::new().await;
    CACHE.set(two.cache.clone()).unwrap();
    assert_eq!(two.reader.key("EUR"), rate::key("EUR"));
    assert_eq!(within(rate::refresh(&two, "EUR")).await, 1);
    two.assert_nothing_is_kept().await;
}

#[tokio::test]
async fn a_load_where_it_was_known_that_there_is_none() {
    let two = Two::new().await;
    let none = two.reader.clone().policy(Policy::new().none(HOUR));
    assert_eq!(none.get_or_load("EUR", || ready(None::<u64>)).await, None);
    // A number cannot say that there is none.
    assert_eq!(within(two.reader.get_or_load("EUR", || two.overtaken())).await, 1);
    two.assert_nothing_is_kept().await;
}

#[tokio::test]
async fn a_load_soon_after_one_that_failed() {
    let two = Two::new().await;
    two.writer.put("EUR", &0).await.unwrap();
    let fail = || ready(Err::<u64, _>("down"));
    assert_eq!(two.graced().get_or_load("EUR", fail).await, Ok(0));
    two.writer.invalidate("EUR").await.unwrap();
    assert_eq!(within(two.graced().get_or_load("EUR", || two.overtaken())).await, 1);
    two.assert_nothing_is_kept().await;
}

#[tokio::test]
async fn a_load_of_what_another_process_has_kept_stale_for_too_long() {
    let two = Two::new().await;
    two.writer.put("EUR", &0).await.unwrap();
    let second = Policy::new().lease(Duration::from_secs(1));
    let other = two.writer.clone().policy(Policy::new().ttl(3 * HOUR).grace(2 * HOUR));
    let hangs = super::hang_in_a_load(&other).await;
    let graced = two.graced().policy(second);
    within(async { while graced.get_or_load("EUR", || two.overtaken()).await == 0 {} }).await;
    two.assert_nothing_is_kept().await;
    hangs.abort();
}

#[tokio::test]
async fn a_load_that_began_before_is_no_answer_to_who_came_after() {
    let two = Two::new().await;
    let (begun, go) = (Notify::new(), Notify::new());
    let before = two.reader.get_or_load("EUR", || async {
        begun.notify_one();
        go.notified().await;
        1
    });
    let after = async {
        begun.notified().await;
        two.writer.invalidate("EUR").await.unwrap();
        let after = two.reader.get_or_load("EUR", || ready(2));
        tokio::pin!(after);
        // It may wait for the other to end, or not.
        let early = timeout(Duration::from_millis(50), &mut after).await;
        go.notify_one();
        match early {
            Ok(answer) => answer,
            Err(_) => after.await,
        }
    };
    assert_eq!(within(async { tokio::join!(before, after) }).await, (1, 2));
}

#[tokio::test]
async fn a_refresh_is_not_undone_by_an_older_load_elsewhere() {
    static CACHE: OnceLock<Cache> = OnceLock::new();
    #[cached(cache = CACHE.get().unwrap(), name = "rate", ttl = "1h", skip(two))]
    async fn rate(two: &Two, _key: &str) -> u64 {
        // What this process has loaded was read before what it returns was written.
        assert_eq!(two.writer.get_or_load("EUR", || ready(1)).await, 1);
        2
    }
    let two = Two::new().await;
    CACHE.set(two.cache.clone()).unwrap();
    assert_eq!(within(rate::refresh(&two, "EUR")).await, 2);
    let known = two.writer.lookup("EUR").await.unwrap();
    assert!(matches!(known, Lookup::Fresh(2) | Lookup::Miss), "{known:?}");
}

#[tokio::test]
async fn a_load_without_grace_does_not_wait_for_one_with_it_that_failed() {
    let two = Two::new().await;
    two.writer.put("EUR", &0).await.unwrap();
    let fail = || ready(Err::<u64, _>("down"));
    assert_eq!(two.graced().get_or_load("EUR", fail).await, Ok(0));
    let plain = two.reader.clone().policy(Policy::new().lease(HOUR));
    let known = within(plain.get_or_load("EUR", || ready(2))).await;
    assert!(known == 0 || known == 2, "{known}");
}

#[tokio::test]
async fn a_touch_keeps_no_lease_alive() {
    let two = Two::new().await;
    let second = Policy::new().lease(Duration::from_secs(1));
    // As a process that is killed does, it never gives anything back.
    std::mem::forget(super::hang_in_a_load(&two.writer.clone().policy(second)).await);
    assert!(!two.reader.touch("EUR").await.unwrap(), "there is nothing but a lease");
    let reader = two.reader.clone().policy(second);
    assert_eq!(within(reader.get_or_load("EUR", || ready(2))).await, 2);
    assert_eq!(two.reader.get("EUR").await.unwrap(), Some(2), "the lease has passed on");
}

#[tokio::test]
async fn many_keys_are_loaded_once_by_two_processes() {
    let two = Two::new().await;
    let loaded = AtomicUsize::new(0);
    let load = async |keys: Vec<u64>| {
        loaded.fetch_add(keys.len(), Ordering::SeqCst);
        sleep(Duration::from_millis(100)).await;
        keys.into_iter().map(|key| (key, key)).collect::<HashMap<_, _>>()
    };
    let both = async {
        tokio::join!(
            two.reader.get_or_load_many(0..10, load),
            two.writer.get_or_load_many(0..10, load)
        )
    };
    let (one, other) = within(both).await;
    assert!(one.len() == 10 && other.len() == 10);
    assert_eq!(loaded.load(Ordering::SeqCst), 10);
}

/// Waits until so many loads have been written, or were refused.
async fn until_written(cache: &Cache, count: u64) {
    within(async {
        while cache.stats().stores + cache.stats().lost_leases < count {
            sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
}
