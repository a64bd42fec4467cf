//! A server that stands still, or dies, under a thousand callers.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use memclient::{Client, Ttl};
use memclient_tests::{Memcached, Peak};
use tokio::task::JoinSet;

use super::{assert_own, own_value, patient, put, until_ok, within};

const TASKS: usize = 1000;

fn hasty(address: &str) -> Client {
    let builder = Client::builder().server(address);
    let builder = builder.connect_timeout(Duration::from_millis(300));
    builder.timeout(Duration::from_millis(300)).build().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_stands_still_costs_time_limits_and_no_memory() {
    let server = Memcached::start().await.unwrap();
    let client = hasty(&server.address());
    until_ok(|| client.get("none")).await;
    server.pause().await.unwrap();

    let (peak, begin) = (Peak::begin(), Instant::now());
    let mut tasks = JoinSet::new();
    for task in 0..TASKS {
        let client = client.clone();
        tasks.spawn(async move {
            let (key, mut calls) = (format!("key:{task}"), 0);
            while begin.elapsed() < Duration::from_secs(1) {
                let write = async {
                    let value = own_value(&key, 20_000);
                    client.set(&key, value, Ttl::Never).await.map(|_| ())
                };
                let outcomes = [write.await, client.get(&key).await.map(|_| ())];
                for outcome in outcomes {
                    let error = outcome.expect_err("nobody can answer");
                    let named = error.is_timeout() || error.is_connect() || error.is_closed();
                    assert!(named, "{error:?}");
                    calls += 1;
                }
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            calls
        });
    }
    let calls: usize = within(tasks.join_all()).await.into_iter().sum();
    let (took, growth) = (begin.elapsed(), peak.growth());
    server.resume().await.unwrap();
    let begin = Instant::now();
    until_ok(|| client.get("none")).await;
    let back = begin.elapsed();
    let stored = until_ok(|| client.set("k", own_value("k", 10), Ttl::Never)).await;
    assert!(stored.is_stored());

    println!(
        "stopped: {calls} calls of {TASKS} tasks ended in {took:.1?}, {growth} KiB of memory at \
         most; back after {back:.1?}"
    );
    // The tasks' own values are a part of it, and other tests run beside this one.
    assert!(growth < 512 * 1024, "{growth} KiB");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_killed_under_load_is_used_again_and_nobody_hangs() {
    let mut server = Memcached::start().await.unwrap();
    let client = patient(&server.address()).build().unwrap();
    until_ok(|| client.get("none")).await;
    let shared = Arc::new(Shared::default());
    let mut tasks = JoinSet::new();
    for task in 0..100 {
        let (client, shared) = (client.clone(), Arc::clone(&shared));
        tasks.spawn(async move {
            let key = format!("key:{task}");
            while !shared.over.load(Ordering::SeqCst) {
                let set = client.set(&key, own_value(&key, 100), Ttl::Never).await;
                let get = client.get(&key).await;
                if let Ok(Some(value)) = &get {
                    assert_own(&key, value);
                }
                for error in [set.err(), get.err()] {
                    let count = match error {
                        None => &shared.successes,
                        Some(error) => {
                            assert!(error.is_connect() || error.is_closed(), "{error:?}");
                            &shared.failures
                        }
                    };
                    count.fetch_add(1, Ordering::SeqCst);
                }
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        });
    }

    let mut firsts = Vec::new();
    for _ in 0..5 {
        tokio::time::sleep(Duration::from_millis(50)).await;
        server.stop().unwrap();
        server.restart().await.unwrap();
        let (begin, before) = (Instant::now(), shared.successes.load(Ordering::SeqCst));
        within(async {
            while shared.successes.load(Ordering::SeqCst) == before {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        })
        .await;
        firsts.push(begin.elapsed());
    }
    shared.over.store(true, Ordering::SeqCst);
    while let Some(ended) = within(tasks.join_next()).await {
        ended.expect("no task panics");
    }

    let [successes, failures] =
        [&shared.successes, &shared.failures].map(|count| count.load(Ordering::SeqCst));
    println!(
        "stopped: 5 kills under load: {successes} calls succeeded, {failures} failed; first \
         successes after {firsts:.1?}"
    );
    put(&client, "k", 10).await;
}

#[derive(Default)]
struct Shared {
    successes: AtomicU64,
    failures: AtomicU64,
    over: AtomicBool,
}

#[tokio::test]
async fn reads_see_no_error_when_only_idle_connections_died() {
    let mut server = Memcached::start().await.unwrap();
    let client = patient(&server.address()).build().unwrap();
    for _ in 0..10 {
        // Several at a time, so that there are several connections to die.
        let mut calls = JoinSet::new();
        for _ in 0..8 {
            let client = client.clone();
            calls.spawn(async move { client.get("none").await.unwrap() });
        }
        within(calls.join_all()).await;
        // A connection that is still being opened is not idle; its loss is a failed dial.
        tokio::time::sleep(Duration::from_millis(50)).await;

        server.restart().await.unwrap();

        assert_eq!(within(client.get("none")).await.unwrap(), None);
    }
}
