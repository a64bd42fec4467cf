//! One load for all processes, and nothing kept that an invalidation has made old.
//!
//! Where a test needs no more of a process than connections of its own, it is a client in this one;
//! the modules below start real ones.

mod coherence;
mod crowd;
mod hot;
mod out_of_date;

use std::{
    future::{pending, poll_fn, ready},
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::Poll,
    time::Duration,
};

use memclient::{Cache, Client, Policy, TypedCache};
use memclient_tests::Memcached;
use tokio::{
    sync::{Barrier, Notify},
    task::JoinSet,
};

const HOUR: Duration = Duration::from_secs(3600);

/// Longer than anything here takes; passing it is a hang.
const HANG: Duration = Duration::from_secs(30);

/// The program that is one process of a fleet.
const WORKER: &str = env!("CARGO_BIN_EXE_memclient-worker");

/// Returns the cache of another process.
fn process(server: &Memcached) -> (Cache, TypedCache<u64>) {
    let client = Client::new(server.address()).unwrap();
    let cache = Cache::builder().backend(client).ttl(HOUR).build().unwrap();
    let rates = cache.typed("rate");
    (cache, rates)
}

async fn within<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(HANG, future).await.expect("it hangs")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cold_key_is_loaded_once_in_the_whole_fleet() {
    let server = Memcached::start().await.unwrap();
    let processes: Vec<_> = (0..8).map(|_| process(&server)).collect();
    let loads = Arc::new(AtomicUsize::new(0));
    let mut callers = JoinSet::new();
    for (_, rates) in &processes {
        for _ in 0..64 {
            let (rates, loads) = (rates.clone(), Arc::clone(&loads));
            callers.spawn(async move {
                let load = || async {
                    loads.fetch_add(1, Ordering::SeqCst);
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    7
                };
                rates.get_or_load("EUR", load).await
            });
        }
    }
    assert!(within(callers.join_all()).await.iter().all(|&rate| rate == 7));
    assert_eq!(loads.load(Ordering::SeqCst), 1);
    let waits: u64 = processes.iter().map(|(cache, _)| cache.stats().waits).sum();
    assert!((7..=8).contains(&waits), "one caller of each process waits for all: {waits}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_load_that_fails_is_run_once_by_each_process_and_not_by_each_waiter() {
    let server = Memcached::start().await.unwrap();
    let processes: Vec<_> = (0..8).map(|_| process(&server)).collect();
    let loads = Arc::new(AtomicUsize::new(0));
    for (_, rates) in &processes {
        assert_eq!(rates.get("CHF").await.unwrap(), None, "now all have a connection");
    }
    let begun = Arc::new(AtomicUsize::new(0));
    let mut callers = JoinSet::new();
    for (_, rates) in &processes {
        for _ in 0..64 {
            let rates = rates.clone();
            let (loads, begun) = (Arc::clone(&loads), Arc::clone(&begun));
            callers.spawn(async move {
                let load = || async {
                    loads.fetch_add(1, Ordering::SeqCst);
                    // Whoever finds out after a failure that it has to wait is no waiter.
                    while begun.load(Ordering::SeqCst) < 8 * 64 {
                        tokio::time::sleep(Duration::from_millis(1)).await;
                    }
                    tokio::time::sleep(Duration::from_millis(300)).await;
                    Err::<u64, _>("down")
                };
                let mut call = pin!(rates.try_get_or_load("EUR", load));
                let first = poll_fn(|cx| Poll::Ready(call.as_mut().poll(cx))).await;
                begun.fetch_add(1, Ordering::SeqCst);
                match first {
                    Poll::Ready(rate) => rate,
                    Poll::Pending => call.await,
                }
            });
        }
    }
    let answers = within(callers.join_all()).await;
    assert!(answers.into_iter().all(|rate| *rate.unwrap_err() == "down"));
    let loads = loads.load(Ordering::SeqCst);
    assert!((1..=8).contains(&loads), "{loads} loads");
    let (_, rates) = &processes[0];
    assert_eq!(within(rates.get_or_load("EUR", || ready(7))).await, 7);
}

#[tokio::test]
async fn those_who_cannot_share_an_error_do_not_fail_one_after_the_other() {
    let server = Memcached::start().await.unwrap();
    let (_, rates) = process(&server);
    let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let mut callers = JoinSet::new();
    for _ in 0..63 {
        let (rates, running, most) = (rates.clone(), Arc::clone(&running), Arc::clone(&most));
        callers.spawn(async move {
            let load = || async {
                most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                tokio::time::sleep(Duration::from_millis(20)).await;
                running.fetch_sub(1, Ordering::SeqCst);
                Err::<u64, _>("down")
            };
            rates.get_or_load("EUR", load).await
        });
    }
    assert!(within(callers.join_all()).await.into_iter().all(|rate| rate == Err("down")));
    // 1, 2, 4, 8, 16 and 32 at once.
    let most = most.load(Ordering::SeqCst);
    assert!((16..=48).contains(&most), "{most} at once");
}

/// Begins a load that does not end by itself, and returns once it is under way.
async fn hang_in_a_load(rates: &TypedCache<u64>) -> tokio::task::JoinHandle<u64> {
    let begun = Arc::new(Notify::new());
    let (rates, hanging) = (rates.clone(), Arc::clone(&begun));
    let task = tokio::spawn(async move {
        let load = || async {
            hanging.notify_one();
            pending::<u64>().await
        };
        rates.get_or_load("EUR", load).await
    });
    begun.notified().await;
    task
}

#[tokio::test]
async fn a_process_that_leaves_its_load_gives_it_to_the_next_at_once() {
    let server = Memcached::start().await.unwrap();
    let [(_, first), (cache, second)] = [process(&server), process(&server)];
    let hour = |rates: TypedCache<u64>| rates.policy(Policy::new().lease(HOUR));
    let (first, second) = (hour(first), hour(second));
    let load = hang_in_a_load(&first).await;
    let waiter = tokio::spawn(async move { second.get_or_load("EUR", || ready(2)).await });
    while cache.stats().waits == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    load.abort();
    assert_eq!(within(waiter).await.unwrap(), 2);
}

#[tokio::test]
async fn a_loader_that_fails_gives_its_load_to_the_next_process_at_once() {
    let server = Memcached::start().await.unwrap();
    let [(_, first), (_, second)] = [process(&server), process(&server)];
    let hour = |rates: TypedCache<u64>| rates.policy(Policy::new().lease(HOUR));
    let (first, second) = (hour(first), hour(second));
    for _ in 0..3 {
        let failed = within(first.get_or_load("EUR", || ready(Err::<u64, _>("down")))).await;
        assert_eq!(failed, Err("down"));
    }
    assert_eq!(within(second.get_or_load("EUR", || ready(2))).await, 2);
    assert_eq!(within(first.get_or_load("EUR", pending::<u64>)).await, 2);
}

#[tokio::test]
async fn loads_that_bring_nothing_are_not_waited_for() {
    let server = Memcached::start().await.unwrap();
    let [(_, first), (_, second)] = [process(&server), process(&server)];
    let policy = Policy::new().lease(HOUR).throttle(HOUR);
    let (first, second) = (first.policy(policy), second.policy(policy));
    for rates in [&first, &second] {
        let failed = within(rates.get_or_load("EUR", || ready(Err::<u64, _>("down")))).await;
        assert_eq!(failed, Err("down"));
    }
    // Each loader ends only while the other is under way too.
    let together = Barrier::new(2);
    let load = || async {
        together.wait().await;
        Err::<u64, _>("down")
    };
    let both =
        async { tokio::join!(first.get_or_load("EUR", load), second.get_or_load("EUR", load)) };
    assert_eq!(within(both).await, (Err("down"), Err("down")));
}

#[tokio::test]
async fn a_process_that_dies_in_its_load_is_replaced_after_the_lease() {
    let server = Memcached::start().await.unwrap();
    let [(_, first), (cache, second)] = [process(&server), process(&server)];
    let second = second.policy(Policy::new().lease(Duration::from_secs(1)));
    // As a process that is killed does, it never gives anything back.
    let dead = first.policy(Policy::new().lease(Duration::from_secs(1)));
    std::mem::forget(hang_in_a_load(&dead).await);
    assert_eq!(within(second.get_or_load("EUR", || ready(2))).await, 2);
    assert_eq!(cache.stats().stores, 1, "the lease passed on, and the value is kept");
    assert_eq!(second.get("EUR").await.unwrap(), Some(2));
}

#[tokio::test]
async fn what_was_loaded_before_an_invalidation_elsewhere_is_not_kept() {
    let server = Memcached::start().await.unwrap();
    let [(cache, reader), (_, writer)] = [process(&server), process(&server)];
    let load = || async {
        writer.invalidate("EUR").await.unwrap();
        1
    };
    assert_eq!(within(reader.get_or_load("EUR", load)).await, 1);
    assert_eq!(writer.get("EUR").await.unwrap(), None, "it may be older than the invalidation");
    let stats = cache.stats();
    assert_eq!((stats.stores, stats.lost_leases), (0, 1));
}

#[tokio::test]
async fn a_stale_entry_is_loaded_again_by_one_process() {
    let server = Memcached::start().await.unwrap();
    let [(_, first), (_, second)] = [process(&server), process(&server)];
    first.put("EUR", &1).await.unwrap();
    // What lives on for an hour is stale to these.
    let stale = |rates: TypedCache<u64>| rates.policy(Policy::new().ttl(3 * HOUR).grace(2 * HOUR));
    let (first, second) = (stale(first), stale(second));
    let refresh = hang_in_a_load(&first).await;
    for _ in 0..10 {
        assert_eq!(within(second.get_or_load("EUR", pending::<u64>)).await, 1);
    }
    refresh.abort();
}
