//! What a batch holds beyond what it returns: of many keys only those under way.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    thread::{self, JoinHandle},
};

use memclient::{Client, Stored, Ttl};
use memclient_tests::{Memcached, is_long};

use super::{alone, held};

/// The most that a batch may hold for each server beyond its outcomes and their values.
const BEYOND: usize = 64 << 10;

#[tokio::test]
async fn a_batch_of_large_values_holds_little_beyond_them() {
    batch(if is_long() { 200_000 } else { 20_000 }, 4096).await;
}

#[tokio::test]
async fn a_batch_of_small_values_holds_little_beyond_them() {
    batch(if is_long() { 1_000_000 } else { 100_000 }, 100).await;
}

#[tokio::test]
async fn a_batch_that_is_under_way_as_a_whole_holds_little_beyond_its_values() {
    for count in [700, 1000, 1024, 1025, 2000] {
        batch(count, 100).await;
    }
}

#[tokio::test]
async fn a_batch_over_servers_holds_little_beyond_its_values() {
    for (count, size) in [(20_000, 4096), (100_000, 100), (3000, 100)] {
        batch_over(3, count, size).await;
    }
}

/// Asks for so many values of so many bytes on one connection that was used before.
async fn batch(count: usize, size: usize) {
    batch_over(1, count, size).await;
}

/// Asks for values that are on so many servers.
async fn batch_over(nodes: usize, count: usize, size: usize) {
    let _alone = alone().await;
    let mut servers = Vec::new();
    for _ in 0..nodes {
        servers.push(Memcached::builder().arg("-m").arg("2048").start().await.unwrap());
    }
    let addresses = servers.iter().map(Memcached::address);
    let client = Client::builder().servers(addresses).max_pool_size(1).build().unwrap();
    let keys: Vec<String> = (0..count).map(|number| format!("key:{number}")).collect();
    for keys in keys.chunks(1000) {
        let entries = keys.iter().map(|key| (key, vec![b'7'; size]));
        let stored = client.set_many(entries, Ttl::Never).await;
        assert!(stored.into_iter().all(|stored| stored.is_ok_and(Stored::is_stored)));
    }
    // A connection keeps its buffers.
    drop(client.get_many(&keys).await);

    let peak = Peak::begin();
    let (before, _) = held();
    let values = client.get_many(&keys).await;
    let most = peak.end();

    assert_eq!(values.len(), count);
    assert!(values.iter().all(|value| matches!(value, Ok(Some(value)) if value.len() == size)));
    let (with_values, _) = held();
    drop(values);
    let (without, _) = held();
    let result = with_values - without;
    let beyond = most.saturating_sub(before + result);
    println!(
        "{count} values of {size} bytes from {nodes}: {} KiB returned, {} KiB beyond that",
        result >> 10,
        beyond >> 10
    );
    assert!(result > count * size, "{result} bytes of values");
    assert!(beyond <= BEYOND * nodes, "{beyond} bytes beyond {result}");
}

/// The most that this process holds, looked for without a pause.
struct Peak {
    over: Arc<AtomicBool>,
    watcher: JoinHandle<usize>,
}

impl Peak {
    fn begin() -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let (begun, until) = (Arc::new(AtomicBool::new(false)), Arc::clone(&over));
        let has_begun = Arc::clone(&begun);
        let watcher = thread::spawn(move || {
            let mut most = 0;
            while !until.load(SeqCst) {
                most = most.max(held().0);
                has_begun.store(true, SeqCst);
            }
            most
        });
        while !begun.load(SeqCst) {
            thread::yield_now();
        }
        Self { over, watcher }
    }

    fn end(self) -> usize {
        self.over.store(true, SeqCst);
        self.watcher.join().unwrap()
    }
}
