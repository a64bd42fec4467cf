//! Errors go to all who wait for them, where their type lets them.

use std::{
    io,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use memclient::{Cache, cached};
use tokio::{task::JoinSet, time::sleep};

type Answer = Result<Option<u64>, &'static str>;

static SHARED: AtomicUsize = AtomicUsize::new(0);
static HIDDEN: AtomicUsize = AtomicUsize::new(0);
static JUDGED: AtomicUsize = AtomicUsize::new(0);
static OWN: AtomicUsize = AtomicUsize::new(0);

async fn fail<E>(loads: &AtomicUsize, error: E) -> E {
    loads.fetch_add(1, Ordering::SeqCst);
    sleep(Duration::from_millis(50)).await;
    error
}

#[cached(ttl = "1m")]
async fn shared(key: u64) -> Result<u64, &'static str> {
    let _ = key;
    Err(fail(&SHARED, "down").await)
}

#[cached(ttl = "1m", none = "1m")]
async fn hidden(key: u64) -> Answer {
    let _ = key;
    Err(fail(&HIDDEN, "down").await)
}

#[cached(cache_if = |value| *value > 0)]
async fn judged(key: u64) -> Result<u64, &'static str> {
    let _ = key;
    Err(fail(&JUDGED, "down").await)
}

#[cached(ttl = "1m")]
async fn own(key: u64) -> io::Result<u64> {
    let _ = key;
    Err(fail(&OWN, io::Error::other("down")).await)
}

/// Returns how many of 32 callers at once got an error.
async fn failures<R>(call: impl Fn() -> R) -> usize
where
    R: Future<Output = bool> + Send + 'static,
{
    let cache = Cache::builder().build().unwrap();
    let mut callers = JoinSet::new();
    for _ in 0..32 {
        let (cache, call) = (cache.clone(), call());
        callers.spawn(async move { cache.scope(call).await });
    }
    callers.join_all().await.into_iter().filter(|failed| *failed).count()
}

#[tokio::test]
async fn all_who_wait_share_an_error_that_can_be_cloned() {
    assert_eq!(failures(|| async { shared(1).await.is_err() }).await, 32);
    assert_eq!(SHARED.load(Ordering::SeqCst), 1);
    assert_eq!(failures(|| async { hidden(1).await.is_err() }).await, 32);
    assert_eq!(HIDDEN.load(Ordering::SeqCst), 1);
    assert_eq!(failures(|| async { judged(1).await.is_err() }).await, 32);
    assert_eq!(JUDGED.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_value_that_is_not_to_be_kept_is_the_callers_alone() {
    static RUNS: AtomicUsize = AtomicUsize::new(0);
    #[cached(cache_if = |value| *value > 7)]
    async fn small(key: u64) -> Result<u64, &'static str> {
        Ok(fail(&RUNS, key).await)
    }
    assert_eq!(failures(|| async { small(1).await != Ok(1) }).await, 0);
    assert_eq!(RUNS.load(Ordering::SeqCst), 32);
}

#[tokio::test]
async fn an_error_that_cannot_is_found_out_by_each() {
    assert_eq!(failures(|| async { own(1).await.is_err() }).await, 32);
    assert_eq!(OWN.load(Ordering::SeqCst), 32);
}
