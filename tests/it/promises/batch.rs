//! Batches of any size: whole, in bounded memory, beside other callers, and never stuck.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use memclient::{Client, Stored, Ttl};
use memclient_tests::{Faults, Memcached, Peak, Proxy, is_long};
use tokio::task::JoinSet;

use super::{assert_own, own_value, patient, put, within};

const VALUE: usize = 4096;

/// 20,000 values of 4 KiB, or 200,000 (800 MB) with `MEMCLIENT_LONG=1`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_batch_is_whole_and_leaves_room_for_others() {
    let count = if is_long() { 200_000 } else { 20_000 };
    let server = Memcached::builder().arg("-m").arg("2048").start().await.unwrap();
    let client = patient(&server.address()).max_pool_size(1).build().unwrap();
    let keys: Vec<String> = (0..count).map(|number| format!("key:{number}")).collect();
    for keys in keys.chunks(1000) {
        let entries = keys.iter().map(|key| (key, own_value(key, VALUE)));
        let stored = within(client.set_many(entries, Ttl::Never)).await;
        assert!(stored.into_iter().all(|stored| stored.is_ok_and(Stored::is_stored)));
    }
    put(&client, "other", 100).await;
    let others = Others::start(&client);

    let (peak, begin) = (Peak::begin(), Instant::now());
    let answered = others.answered();
    let values = tokio::time::timeout(Duration::from_secs(300), client.get_many(&keys)).await;
    let (values, took) = (values.expect("it hangs"), begin.elapsed());
    let answered = others.answered() - answered;
    let (growth, result) = (peak.growth(), count * VALUE / 1024);
    others.end().await;

    println!(
        "batch: {count} values in {took:.1?}, {answered} gets of others meanwhile; {result} KiB of \
         values, {growth} KiB of memory at most"
    );
    assert_eq!(values.len(), count);
    for (key, value) in keys.iter().zip(values) {
        let value = value.unwrap().expect("no key is missing");
        assert_eq!(value.len(), VALUE);
        assert_own(key, &value);
    }
    assert!(answered > 0, "nobody else was answered");
    // Other tests run beside this one, so only a large batch stands out.
    assert!(!is_long() || growth < result * 3 / 2 + 64 * 1024, "{growth} KiB for {result} KiB");
}

#[tokio::test]
async fn what_is_too_large_for_the_server_fails_its_own_key_only() {
    let server = Memcached::start().await.unwrap();
    let client = patient(&server.address()).build().unwrap();
    let large = |number: usize| number % 250 == 100;
    let entries = (0..2000).map(|number| {
        let (key, size) = (format!("key:{number}"), if large(number) { 1_100_000 } else { 100 });
        (key.clone(), own_value(&key, size))
    });

    let outcomes = within(client.set_many(entries, Ttl::Never)).await;

    for (number, outcome) in outcomes.into_iter().enumerate() {
        match outcome {
            Ok(stored) => assert!(stored.is_stored() && !large(number), "key {number}"),
            Err(error) => assert!(error.is_too_large() && large(number), "key {number}: {error}"),
        }
    }
    let keys: Vec<String> = (0..2000).map(|number| format!("key:{number}")).collect();
    let values = within(client.get_many(&keys)).await;
    for (number, (key, value)) in keys.iter().zip(values).enumerate() {
        match value.unwrap() {
            Some(value) => assert_own(key, &value),
            None => assert!(large(number), "{key} is missing"),
        }
    }
}

#[tokio::test]
async fn a_batch_through_small_buffers_does_not_get_stuck() {
    let server = Memcached::builder().arg("-m").arg("256").start().await.unwrap();
    let faults = Faults::none().buffers(16 * 1024).bandwidth(20_000_000);
    let proxy = Proxy::start(server.address(), faults).unwrap();
    let client = patient(&proxy.address()).max_pool_size(1).build().unwrap();
    let keys: Vec<String> = (0..100_000).map(|number| format!("key:{number}")).collect();

    let begin = Instant::now();
    let entries = keys.iter().map(|key| (key, own_value(key, 20)));
    let stored = within(client.set_many(entries, Ttl::Never)).await;
    let (set, begin) = (begin.elapsed(), Instant::now());
    let values = within(client.get_many(&keys)).await;
    let got = begin.elapsed();

    println!("batch: 100,000 keys through small buffers: set {set:.1?}, get {got:.1?}");
    assert!(stored.into_iter().all(|stored| stored.is_ok_and(Stored::is_stored)));
    for (key, value) in keys.iter().zip(values) {
        assert_own(key, &value.unwrap().expect("no key is missing"));
    }
    assert_eq!(proxy.accepts(), 1);
}

/// Tasks that read one small value again and again.
struct Others {
    answered: Arc<AtomicU64>,
    over: Arc<AtomicBool>,
    tasks: JoinSet<()>,
}

impl Others {
    fn start(client: &Client) -> Self {
        let (answered, over) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let mut tasks = JoinSet::new();
        for _ in 0..4 {
            let (client, answered, over) =
                (client.clone(), Arc::clone(&answered), Arc::clone(&over));
            tasks.spawn(async move {
                while !over.load(Ordering::SeqCst) {
                    let value = client.get("other").await.unwrap().expect("it is no miss");
                    assert_own("other", &value);
                    answered.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        Self { answered, over, tasks }
    }

    fn answered(&self) -> u64 {
        self.answered.load(Ordering::SeqCst)
    }

    async fn end(self) {
        self.over.store(true, Ordering::SeqCst);
        within(self.tasks.join_all()).await;
    }
}
