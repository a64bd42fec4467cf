//! Small values beside large ones that a slow network carries.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use memclient::Client;
use memclient_tests::{Faults, Memcached, Proxy};
use tokio::task::JoinSet;

use super::{assert_own, patient, put, spread, within};

const LARGE: usize = 900_000;
const READERS: usize = 2;
const CALLS: usize = 320;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_reader_of_small_values_goes_on_while_large_ones_are_under_way() {
    check(1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_readers_of_small_values_go_on_while_large_ones_are_under_way() {
    check(16).await;
}

/// Has so many tasks read a small value, alone and beside others who read large ones.
async fn check(tasks: usize) {
    let server = Memcached::builder().arg("-m").arg("256").start().await.unwrap();
    let proxy = Proxy::start(server.address(), Faults::none().bandwidth(50_000_000)).unwrap();
    let client = patient(&proxy.address()).build().unwrap();
    put(&client, "small", 100).await;
    for reader in 0..READERS {
        put(&client, &format!("large:{reader}"), LARGE).await;
    }

    let mut alone = read_small(&client, tasks).await;
    let large = Arc::new(Large::default());
    let mut readers = JoinSet::new();
    for reader in 0..READERS {
        let (client, large) = (client.clone(), Arc::clone(&large));
        readers.spawn(async move {
            let key = format!("large:{reader}");
            while !large.over.load(Ordering::SeqCst) {
                let value = client.get(&key).await.unwrap().expect("it is no miss");
                assert_own(&key, &value);
                assert_eq!(value.len(), LARGE);
                large.read.fetch_add(1, Ordering::SeqCst);
            }
        });
    }
    within(async {
        while large.read.load(Ordering::SeqCst) < 2 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
    let before = large.read.load(Ordering::SeqCst);
    let mut beside = read_small(&client, tasks).await;
    let read = large.read.load(Ordering::SeqCst) - before;
    large.over.store(true, Ordering::SeqCst);
    within(readers.join_all()).await;

    println!(
        "big and small: {tasks} alone {}; beside {READERS} readers of {LARGE} bytes, who read {read} \
         meanwhile on {} connections, {}",
        spread(&mut alone),
        proxy.accepts(),
        spread(&mut beside)
    );
    // Were each small one to wait for a large one of each reader, there would be as many of both.
    assert!(read < CALLS as u64 * READERS as u64, "{read} large for {CALLS} small values");
}

#[derive(Default)]
struct Large {
    read: AtomicU64,
    over: AtomicBool,
}

/// Has the small value read some hundred times, by so many tasks; returns how long each call took.
async fn read_small(client: &Client, tasks: usize) -> Vec<Duration> {
    let mut readers = JoinSet::new();
    for _ in 0..tasks {
        let client = client.clone();
        readers.spawn(async move {
            let mut times = Vec::new();
            for _ in 0..CALLS / tasks {
                let begin = Instant::now();
                let value = client.get("small").await.unwrap().expect("it is no miss");
                times.push(begin.elapsed());
                assert_own("small", &value);
            }
            times
        });
    }
    within(readers.join_all()).await.concat()
}
