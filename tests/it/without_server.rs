//! What users' tests stand on: backends that fail on demand, and clocks that a test moves.

use std::{
    sync::{
        Arc, LazyLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use memclient::{Cache, Chaos, Clock, Event, MokaBackend, Policy, cached};

static CHAOS: LazyLock<Arc<Chaos<MokaBackend>>> =
    LazyLock::new(|| Arc::new(Chaos::new(MokaBackend::new()).fail_before(0.5).fail_after(0.5)));
static DOWN: AtomicU64 = AtomicU64::new(0);
static FAILING: LazyLock<Cache> = LazyLock::new(|| {
    let count = |event: &Event<'_>| {
        if matches!(event, Event::BackendDown { .. }) {
            DOWN.fetch_add(1, Ordering::SeqCst);
        }
    };
    let cache = Cache::builder().backend(Arc::clone(&CHAOS)).without_near().observer(count);
    cache.build().unwrap()
});

#[cached(cache = FAILING)]
async fn doubled(number: u64) -> u64 {
    std::future::ready(2 * number).await
}

#[cached(cache = FAILING)]
fn tripled(number: u64) -> u64 {
    3 * number
}

#[tokio::test]
async fn a_cached_function_answers_while_every_operation_of_its_backend_fails() {
    for number in 0..20 {
        assert_eq!(doubled(number).await, 2 * number);
        assert_eq!(tripled(number), 3 * number);
    }
    let stats = FAILING.stats();
    assert_eq!((stats.loads, stats.near_hits + stats.far_hits, stats.stores), (40, 0, 0));
    assert_eq!(stats.backend_errors, CHAOS.faults());
    assert!(stats.backend_errors >= 40, "{stats}");
    assert_eq!(DOWN.load(Ordering::SeqCst), 1, "an outage is told once");
    assert!(doubled::invalidate(7).await.is_err(), "an invalidation that failed is told");
}

#[tokio::test]
async fn a_cached_function_answers_right_over_a_backend_that_fails_now_and_then() {
    let backend = Chaos::new(MokaBackend::new()).seed(7).fail_before(0.2).fail_after(0.2);
    let cache = Cache::builder().backend(backend).near_ttl(Duration::ZERO).build().unwrap();
    let squares = cache.typed::<u64>("square");
    for turn in 0..2_000 {
        let number = turn % 50;
        assert_eq!(
            squares.get_or_load(&number, || async { number * number }).await,
            number * number
        );
    }
    let stats = cache.stats();
    assert!(stats.far_hits > 500 && stats.backend_errors > 200, "{stats}");
}

#[tokio::test]
async fn a_cache_goes_by_the_clock_of_the_test() {
    let clock = Clock::manual();
    let shared = MokaBackend::builder().clock(clock.clone()).build();
    let process = || {
        let cache = Cache::builder().backend(shared.clone()).clock(clock.clone());
        let cache = cache.near_ttl(Duration::from_secs(10)).ttl(Duration::from_secs(60));
        cache.none(Duration::from_secs(5)).build().unwrap()
    };
    let (one, other) = (process(), process());
    let (here, there) = (one.typed::<u64>("n"), other.typed::<u64>("n"));
    here.put(&1, &7).await.unwrap();
    assert_eq!(there.get(&1).await.unwrap(), Some(7));
    here.put(&1, &8).await.unwrap();
    clock.advance(Duration::from_millis(9_999));
    assert_eq!(there.get(&1).await.unwrap(), Some(7), "what is near is answered for its near life");
    clock.advance(Duration::from_millis(1));
    assert_eq!(there.get(&1).await.unwrap(), Some(8));
    clock.advance(Duration::from_secs(49));
    assert_eq!(there.get(&1).await.unwrap(), Some(8));
    clock.advance(Duration::from_secs(1));
    assert_eq!(there.get(&1).await.unwrap(), None, "the entry's own life has passed");

    let absent = || here.get_or_load(&2, || async { None::<u64> });
    assert_eq!((absent().await, absent().await), (None, None));
    assert_eq!(one.stats().loads, 1);
    clock.advance(Duration::from_secs(5));
    assert_eq!(absent().await, None);
    assert_eq!(one.stats().loads, 2, "\"there is none\" has a life of its own");
}

#[tokio::test]
async fn a_near_tier_alone_goes_by_the_clock_of_the_test() {
    let clock = Clock::manual();
    let cache = Cache::builder().clock(clock.clone()).build().unwrap();
    let numbers = cache.typed::<u64>("n").ttl(Duration::from_secs(60));
    numbers.put(&1, &7).await.unwrap();
    clock.advance(Duration::from_secs(59));
    assert_eq!(numbers.get(&1).await.unwrap(), Some(7));
    clock.advance(Duration::from_secs(1));
    assert_eq!(numbers.get(&1).await.unwrap(), None);
}

#[tokio::test]
async fn a_grace_and_the_pause_after_a_failed_refresh_go_by_the_clock_of_the_test() {
    let clock = Clock::manual();
    let cache = Cache::builder().clock(clock.clone()).build().unwrap();
    let policy = Policy::new().ttl(Duration::from_secs(60)).grace(Duration::from_secs(600));
    let numbers = cache.typed::<u64>("n").policy(policy.throttle(Duration::from_secs(10)));
    numbers.put(&1, &7).await.unwrap();
    assert_eq!(numbers.get(&1).await.unwrap(), Some(7));
    clock.advance(Duration::from_secs(60));
    assert_eq!(numbers.get(&1).await.unwrap(), None, "it is stale");

    let failing = || numbers.get_or_load(&1, || async { Err::<u64, _>("no") });
    assert_eq!((failing().await, failing().await), (Ok(7), Ok(7)));
    assert_eq!(cache.stats().failed_refreshes, 1, "the next one waits");
    clock.advance(Duration::from_secs(10));
    assert_eq!(failing().await, Ok(7));
    assert_eq!(cache.stats().failed_refreshes, 2);
    clock.advance(Duration::from_secs(590));
    assert_eq!(failing().await, Err("no"), "the grace is over");
}
