//! Caches in the place of the program's, for tests that run side by side.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use memclient::{Cache, Clock, cached};
use tokio::task::JoinSet;

static LOADS: AtomicUsize = AtomicUsize::new(0);

#[cached(ttl = "10m")]
async fn double(number: u64) -> u64 {
    LOADS.fetch_add(1, Ordering::SeqCst);
    tokio::task::yield_now().await;
    2 * number
}

#[cached(ttl = "10m")]
fn triple(number: u64) -> u64 {
    3 * number
}

fn cache() -> Cache {
    Cache::builder().build().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_task_has_a_cache_of_its_own() {
    let mut tasks = JoinSet::new();
    for _ in 0..8 {
        let cache = cache();
        tasks.spawn(async move {
            let calls = async {
                for _ in 0..3 {
                    assert_eq!(double(7).await, 14);
                    tokio::task::yield_now().await;
                }
            };
            cache.scope(calls).await;
            cache.stats()
        });
    }
    for stats in tasks.join_all().await {
        assert_eq!((stats.loads, stats.near_hits), (1, 2));
    }
}

#[tokio::test]
async fn the_innermost_scope_holds_and_ends_with_its_future() {
    let (outer, inner) = (cache(), cache());
    let calls = async {
        double(1).await;
        inner.scope(double(2)).await;
        double(3).await;
    };
    outer.scope(calls).await;
    assert_eq!((outer.stats().loads, inner.stats().loads), (2, 1));
    double(4).await;
    assert_eq!((outer.stats().loads, inner.stats().loads), (2, 1));
}

#[test]
fn synchronous_functions_have_scopes_too() {
    let cache = cache();
    cache.scope_blocking(|| {
        assert_eq!((triple(2), triple(2)), (6, 6));
        assert_eq!(Cache::current().stats().loads, 1);
    });
    assert_eq!(cache.stats().loads, 1);
}

#[tokio::test]
async fn a_task_that_is_spawned_is_outside_unless_it_is_scoped() {
    let cache = cache();
    let calls = async {
        tokio::spawn(double(5)).await.unwrap();
        let here = Cache::current();
        tokio::spawn(async move { here.scope(double(6)).await }).await.unwrap();
    };
    cache.scope(calls).await;
    assert_eq!(cache.stats().loads, 1);
}

#[tokio::test]
async fn a_bypass_runs_the_function_each_time() {
    let before = LOADS.load(Ordering::SeqCst);
    let bypass = Cache::bypass();
    bypass
        .scope(async {
            for _ in 0..3 {
                assert_eq!(double(100).await, 200);
            }
        })
        .await;
    assert_eq!(bypass.stats().loads, 3);
    assert!(LOADS.load(Ordering::SeqCst) >= before + 3);
}

#[tokio::test]
async fn time_passes_when_the_test_says_so() {
    let clock = Clock::manual();
    let cache = Cache::builder().clock(clock.clone()).build().unwrap();
    let calls = async {
        double(9).await;
        clock.advance(Duration::from_secs(599));
        double(9).await;
        assert_eq!(cache.stats().loads, 1);
        clock.advance(Duration::from_secs(1));
        double(9).await;
    };
    cache.scope(calls).await;
    assert_eq!(cache.stats().loads, 2);
}
