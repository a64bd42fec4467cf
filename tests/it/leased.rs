//! Leases in the hands of users: one at a time in all processes, used once, never lost.

use std::{future::pending, sync::Arc, time::Duration};

use memclient::{Cache, Client, Dialect, FillLease, Leased, Lookup, Policy, TypedCache};
use memclient_tests::Memcached;
use tokio::sync::Notify;

const HANG: Duration = Duration::from_secs(30);

async fn within<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(HANG, future).await.expect("it hangs")
}

/// Returns a handle of a process of its own, as far as the server can tell.
fn process(server: &Memcached) -> TypedCache<u64> {
    let client = Client::new(server.address()).unwrap();
    Cache::builder().backend(client).without_near().build().unwrap().typed("square")
}

async fn won(squares: &TypedCache<u64>) -> FillLease<u64> {
    match squares.lease(&3).await.unwrap() {
        Leased::Missing(Some(lease)) => lease,
        other => panic!("the caller is not the one to load: {other:?}"),
    }
}

async fn is_held(squares: &TypedCache<u64>) -> bool {
    matches!(squares.lease(&3).await.unwrap(), Leased::Missing(None))
}

#[tokio::test]
async fn one_of_all_processes_has_it_and_the_others_get_what_it_fills() {
    let server = Memcached::start().await.unwrap();
    let (here, there) = (process(&server), process(&server));
    let lease = won(&here).await;
    assert!(lease.is_exclusive());
    assert!(is_held(&here).await && is_held(&there).await);
    let waiting = [&here, &there].map(|handle| {
        let handle = handle.clone();
        tokio::spawn(async move { handle.get_or_load(&3, pending::<u64>).await })
    });
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert!(lease.fill(&9).await.unwrap());
    for waiter in waiting {
        assert_eq!(within(waiter).await.unwrap(), 9);
    }
    assert!(matches!(there.lease(&3).await.unwrap(), Leased::Fresh(9)));
}

#[tokio::test]
async fn it_goes_back_however_its_holder_leaves() {
    async fn fails(squares: &TypedCache<u64>) -> Result<(), std::num::ParseIntError> {
        let lease = won(squares).await;
        let value = "nine".parse()?;
        lease.fill(&value).await.unwrap();
        Ok(())
    }
    let server = Memcached::start().await.unwrap();
    let squares = process(&server);
    drop(won(&squares).await);
    assert!(fails(&squares).await.is_err());
    assert!(won(&squares).await.release().await);
    let holds = Arc::new(Notify::new());
    let task = |end: &'static str| {
        let (squares, holds) = (squares.clone(), Arc::clone(&holds));
        tokio::spawn(async move {
            let _lease = won(&squares).await;
            holds.notify_one();
            assert!(end != "panic", "the holder panics");
            pending::<()>().await;
        })
    };
    assert!(task("panic").await.unwrap_err().is_panic());
    holds.notified().await;
    let cancelled = task("cancelled");
    within(holds.notified()).await;
    assert!(is_held(&squares).await);
    cancelled.abort();
    assert!(cancelled.await.unwrap_err().is_cancelled());
    assert!(won(&squares).await.fill(&9).await.unwrap());
}

#[tokio::test]
async fn what_was_loaded_before_an_invalidation_elsewhere_is_not_kept() {
    let server = Memcached::start().await.unwrap();
    let (here, there) = (process(&server), process(&server));
    let lease = won(&here).await;
    there.invalidate(&3).await.unwrap();
    let newer = won(&there).await;
    assert!(!lease.fill(&1).await.unwrap());
    assert_eq!(there.get(&3).await.unwrap(), None);
    assert!(newer.fill(&9).await.unwrap());
    assert_eq!(here.get(&3).await.unwrap(), Some(9));
}

#[tokio::test]
async fn there_is_none_is_kept_where_the_policy_says_so() {
    let server = Memcached::start().await.unwrap();
    let squares = process(&server);
    assert!(!won(&squares).await.fill_absent().await.unwrap());
    let remembered = squares.with(Policy::new().none(Duration::from_secs(60)));
    assert!(won(&remembered).await.fill_absent().await.unwrap());
    assert!(matches!(squares.lease(&3).await.unwrap(), Leased::Absent));
    assert_eq!(squares.lookup(&3).await.unwrap(), Lookup::Absent);
}

#[tokio::test]
async fn a_stale_entry_is_told_with_it_once() {
    let server = Memcached::start().await.unwrap();
    let policy = Policy::new().grace(Duration::from_secs(60));
    let squares = process(&server).policy(policy);
    squares.put(&3, &8).await.unwrap();
    squares.invalidate(&3).await.unwrap();
    let Leased::Stale(8, Some(lease)) = squares.lease(&3).await.unwrap() else {
        panic!("it is not to be refreshed")
    };
    assert!(matches!(squares.lease(&3).await.unwrap(), Leased::Stale(8, None)));
    assert!(lease.fill(&9).await.unwrap());
    assert!(matches!(squares.lease(&3).await.unwrap(), Leased::Fresh(9)));
}

#[tokio::test]
async fn without_leases_everybody_may_load_and_is_told_so() {
    let server = Memcached::start().await.unwrap();
    let client = Client::builder().server(server.address()).dialect(Dialect::Classic);
    let cache = Cache::builder().backend(client.build().unwrap()).without_near().build().unwrap();
    let squares = cache.typed("square");
    let leases = [won(&squares).await, won(&squares).await];
    for lease in leases {
        assert!(!lease.is_exclusive());
        assert!(lease.fill(&9).await.unwrap());
    }
    assert_eq!(squares.get(&3).await.unwrap(), Some(9));
}

#[tokio::test]
async fn a_server_that_is_down_is_an_error() {
    let mut server = Memcached::start().await.unwrap();
    let squares = process(&server);
    server.stop().unwrap();
    assert!(within(squares.lease(&3)).await.is_err());
}
