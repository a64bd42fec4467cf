//! What stale entries are for: an answer at once while one caller loads, and an answer at all where
//! the loader fails.

use std::{
    future::{pending, ready},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use memclient::{Cache, CacheBuilder, Client, Event, Lookup, Policy, TypedCache};
use memclient_tests::Memcached;
use tokio::{sync::Notify, task::JoinSet};

const HOUR: Duration = Duration::from_secs(3600);

/// Longer than anything here takes; passing it is a hang.
const HANG: Duration = Duration::from_secs(30);

/// A server, and a cache over it whose policy takes what a plain hour is left of for stale.
struct Aged {
    server: Memcached,
    cache: Cache,
    /// What the cache reports of refreshes.
    failures: Arc<AtomicUsize>,
}

impl Aged {
    async fn new(with: impl FnOnce(CacheBuilder) -> CacheBuilder) -> Self {
        let server = Memcached::start().await.unwrap();
        let failures = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&failures);
        let observer = move |event: &Event<'_>| {
            if let Event::RefreshFailed { .. } = event {
                count.fetch_add(1, Ordering::SeqCst);
            }
        };
        let client = Client::new(server.address()).unwrap();
        let cache = with(Cache::builder().backend(client).observer(observer)).build().unwrap();
        let aged = Self { server, cache, failures };
        aged.rates().ttl(HOUR).put("k", &1).await.unwrap();
        aged
    }

    async fn tiered() -> Self {
        Self::new(|builder| builder).await
    }

    async fn far() -> Self {
        Self::new(CacheBuilder::without_near).await
    }

    fn rates(&self) -> TypedCache<u64> {
        self.cache.typed("rate")
    }

    /// Returns a handle to which what lives on for an hour is stale, and what it stores itself is
    /// not.
    fn stale(&self) -> TypedCache<u64> {
        self.rates().policy(Policy::new().ttl(3 * HOUR).grace(2 * HOUR).throttle(HOUR))
    }

    /// Returns what the server holds.
    async fn stored(&self) -> Option<u64> {
        let item = self.server.item(&self.rates().key("k").to_string()).await.unwrap()?;
        Some(std::str::from_utf8(&item.data).unwrap().parse().unwrap())
    }
}

async fn within<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(HANG, future).await.expect("it hangs")
}

async fn until(mut condition: impl AsyncFnMut() -> bool) {
    within(async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_lookup_tells_fresh_from_stale_and_none_from_nothing() {
    for aged in [Aged::tiered().await, Aged::far().await] {
        let rates = aged.stale();
        assert_eq!(rates.lookup("k").await.unwrap(), Lookup::Stale(1));
        assert_eq!(rates.get("k").await.unwrap(), None, "what is stale is asked for by its name");
        assert_eq!(aged.rates().lookup("k").await.unwrap(), Lookup::Fresh(1));
        assert_eq!(rates.lookup("other").await.unwrap(), Lookup::Miss);
        let none = rates.clone().policy(Policy::new().none(HOUR));
        assert_eq!(none.get_or_load("none", || ready(None::<u64>)).await, None);
        assert_eq!(rates.lookup("none").await.unwrap(), Lookup::Absent, "it has no grace");
        rates.put("k", &2).await.unwrap();
        assert_eq!(rates.lookup("k").await.unwrap(), Lookup::Fresh(2));
    }
}

#[tokio::test]
async fn one_caller_loads_a_stale_entry_again_and_the_others_need_not_wait() {
    for aged in [Aged::tiered().await, Aged::far().await] {
        let (rates, go) = (aged.stale(), Arc::new(Notify::new()));
        let refresher = tokio::spawn({
            let (rates, go) = (rates.clone(), Arc::clone(&go));
            async move {
                let load = || async {
                    go.notified().await;
                    2
                };
                rates.get_or_load("k", load).await
            }
        });
        until(async || aged.cache.stats().stale_hits > 0).await;
        let mut others = JoinSet::new();
        for _ in 0..50 {
            let rates = rates.clone();
            others.spawn(async move { rates.get_or_load("k", pending::<u64>).await });
        }
        assert!(within(others.join_all()).await.iter().all(|&rate| rate == 1));
        go.notify_one();
        assert_eq!(within(refresher).await.unwrap(), 2);
        assert_eq!(rates.get("k").await.unwrap(), Some(2));
        assert_eq!(aged.stored().await, Some(2));
        let stats = aged.cache.stats();
        assert_eq!((stats.loads, stats.refreshes, stats.failed_refreshes), (1, 1, 0));
    }
}

#[tokio::test]
async fn a_loader_that_fails_costs_one_try_and_the_stale_entry_is_answered() {
    for aged in [Aged::tiered().await, Aged::far().await] {
        let (rates, runs) = (aged.stale(), AtomicUsize::new(0));
        for _ in 0..50 {
            let load = || {
                runs.fetch_add(1, Ordering::SeqCst);
                ready(Err::<u64, _>("down"))
            };
            assert_eq!(rates.get_or_load("k", load).await, Ok(1));
        }
        assert_eq!(runs.load(Ordering::SeqCst), 1, "the throttle holds");
        assert_eq!(aged.failures.load(Ordering::SeqCst), 1);
        let stats = aged.cache.stats();
        assert_eq!((stats.refreshes, stats.failed_refreshes, stats.uncached_loads), (1, 1, 1));
        assert_eq!(stats.stale_hits, 50);
    }
}

#[tokio::test]
async fn after_the_throttle_a_failed_refresh_is_tried_again() {
    let aged = Aged::tiered().await;
    let rates = aged.stale().policy(Policy::new().throttle(Duration::ZERO));
    assert_eq!(rates.get_or_load("k", || ready(Err::<u64, _>("down"))).await, Ok(1));
    assert_eq!(rates.get_or_load("k", || ready(Ok::<u64, &str>(2))).await, Ok(2));
    assert_eq!(aged.stored().await, Some(2));
}

#[tokio::test]
async fn a_slow_loader_is_given_up_for_the_stale_entry() {
    let aged = Aged::far().await;
    let rates = aged.stale().policy(Policy::new().soft_timeout(Duration::from_millis(20)));
    assert_eq!(within(rates.get_or_load("k", pending::<u64>)).await, 1);
    assert_eq!(aged.failures.load(Ordering::SeqCst), 1);
    assert_eq!(aged.stored().await, Some(1));
    // Without anything to answer there is no hurry.
    let patient = async {
        tokio::time::sleep(Duration::from_millis(60)).await;
        7
    };
    assert_eq!(within(rates.get_or_load("other", || patient)).await, 7);
}

#[tokio::test]
async fn a_load_in_the_background_keeps_nobody_waiting() {
    for aged in [Aged::tiered().await, Aged::far().await] {
        let (rates, go, runs) =
            (aged.stale(), Arc::new(Notify::new()), Arc::new(AtomicUsize::new(0)));
        for _ in 0..50 {
            let (go, runs) = (Arc::clone(&go), Arc::clone(&runs));
            let load = move || async move {
                runs.fetch_add(1, Ordering::SeqCst);
                go.notified().await;
                2
            };
            assert_eq!(within(rates.get_or_load_in_background("k", load)).await, 1);
        }
        go.notify_one();
        until(async || aged.stored().await == Some(2)).await;
        until(async || rates.get("k").await.unwrap() == Some(2)).await;
        assert_eq!(runs.load(Ordering::SeqCst), 1);
        assert_eq!(rates.get_or_load_in_background("k", pending::<u64>).await, 2);
    }
}

#[tokio::test]
async fn a_load_in_the_background_that_panics_or_hangs_leaves_the_stale_entry() {
    let aged = Aged::far().await;
    let policy = Policy::new().throttle(Duration::ZERO).timeout(Duration::from_millis(10));
    let rates = aged.stale().policy(policy);
    let panics = || async { panic!("on purpose") };
    assert_eq!(rates.get_or_load_in_background::<_, u64, _, _>("k", panics).await, 1);
    until(async || {
        _ = rates.get_or_load_in_background("k", pending::<u64>).await;
        aged.failures.load(Ordering::SeqCst) > 0
    })
    .await;
    until(async || {
        _ = rates.get_or_load_in_background("k", || ready(3)).await;
        aged.stored().await == Some(3)
    })
    .await;
}

#[tokio::test]
async fn a_caller_may_wait_a_moment_for_a_load_in_the_background() {
    let aged = Aged::far().await;
    let rates = aged.stale().policy(Policy::new().soft_timeout(HANG));
    assert_eq!(rates.get_or_load_in_background("k", || ready(2)).await, 2);
}

#[tokio::test]
async fn an_entry_that_is_about_to_end_is_loaded_again_before_anybody_waits() {
    let aged = Aged::far().await;
    let rates = aged.rates().ttl(Duration::from_secs(3));
    // The longer a load takes, the sooner it begins.
    let slowly = || tokio::time::sleep(Duration::from_millis(300));
    let first = rates.get_or_load("ending", || async {
        slowly().await;
        1
    });
    assert_eq!(first.await, 1);
    let runs = Arc::new(AtomicUsize::new(1));
    let mut last = 1;
    // Two lives and more: from a second before its end on at the latest, the entry is loaded again.
    for _ in 0..600 {
        let loaded = Arc::clone(&runs);
        let load = move || async move {
            let number = loaded.fetch_add(1, Ordering::SeqCst) as u64 + 1;
            slowly().await;
            number
        };
        let rate = rates.get_or_load_in_background("ending", load).await;
        assert!(rate >= last);
        last = rate;
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let stats = aged.cache.stats();
    assert!(stats.refreshes >= 2, "{stats}");
    assert_eq!(stats.misses, 1, "nobody had to wait but the first");
    let never = rates.policy(Policy::new().early(false));
    let before = runs.load(Ordering::SeqCst);
    assert!(never.get_or_load_in_background("ending", pending::<u64>).await >= last);
    assert_eq!(runs.load(Ordering::SeqCst), before);
}

#[tokio::test]
async fn a_stale_copy_here_is_answered_while_the_server_is_down() {
    let mut aged = Aged::tiered().await;
    let rates = aged.stale();
    aged.server.stop().unwrap();
    assert_eq!(within(rates.get_or_load("k", || ready(Err::<u64, _>("down")))).await, Ok(1));
    assert_eq!(aged.cache.stats().failed_refreshes, 1);
}

#[tokio::test]
async fn a_refresh_that_finds_none_removes_the_stale_entry() {
    for aged in [Aged::tiered().await, Aged::far().await] {
        let rates = aged.stale();
        assert_eq!(rates.get_or_load("k", || ready(None::<u64>)).await, None);
        assert_eq!(aged.stored().await, None);
        assert_eq!(rates.lookup("k").await.unwrap(), Lookup::Miss);
    }
}

#[tokio::test]
async fn an_invalidation_during_a_load_in_the_background_is_not_undone_by_it() {
    let aged = Aged::tiered().await;
    let (rates, go) = (aged.stale(), Arc::new(Notify::new()));
    assert_eq!(rates.get_or_load_in_background("k", held(&go)).await, 1);
    rates.invalidate("k").await.unwrap();
    go.notify_one();
    until(async || aged.cache.stats().refreshes > 0 && aged.cache.stats().loads > 0).await;
    tokio::task::yield_now().await;
    assert_eq!(rates.get("k").await.unwrap(), None);
    assert_eq!(rates.lookup("k").await.unwrap(), Lookup::Stale(1));
}

#[tokio::test]
async fn a_removal_during_a_load_in_the_background_is_not_undone_by_it() {
    let aged = Aged::tiered().await;
    let (rates, go) = (aged.stale(), Arc::new(Notify::new()));
    assert_eq!(rates.get_or_load_in_background("k", held(&go)).await, 1);
    assert!(rates.remove("k").await.unwrap());
    go.notify_one();
    until(async || aged.cache.stats().refreshes > 0 && aged.cache.stats().loads > 0).await;
    tokio::task::yield_now().await;
    assert_eq!(aged.stored().await, None);
    assert_eq!(rates.lookup("k").await.unwrap(), Lookup::Miss);
}

/// Loads a 2 as soon as it is told to.
fn held(
    go: &Arc<Notify>,
) -> impl FnOnce() -> Pin<Box<dyn Future<Output = u64> + Send>> + Send + use<> {
    let go = Arc::clone(go);
    move || {
        Box::pin(async move {
            go.notified().await;
            2
        })
    }
}
