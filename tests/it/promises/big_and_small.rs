//! Small values beside large ones that a slow network carries.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use memclient::{Client, Error, Value};
use memclient_tests::{Faults, Gate, Memcached, Proxy, Script, Scripted};
use tokio::task::{JoinHandle, JoinSet};

use super::{assert_own, patient, put, spread, within};

const LARGE: usize = 900_000;
const READERS: u64 = 2;

/// How many large values are read meanwhile, and how many small ones alone.
const LARGE_READS: usize = 100;
const SMALL_READS: usize = 4000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_reader_of_small_values_goes_on_while_large_ones_are_under_way() {
    check(1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_readers_of_small_values_go_on_while_large_ones_are_under_way() {
    check(16).await;
}

#[tokio::test]
async fn a_small_read_goes_elsewhere_when_something_large_comes_before_its_answer() {
    let gate = Gate::new();
    let first = Script::new().greet().expect_line().expect_line().wait(&gate).send(part_of_large());
    let second = Script::new().greet().expect_line().send("VA 5 f0 O2\r\nsmall\r\n");
    let server = Scripted::each([first, second]).unwrap();
    let client = patient(&server.address()).max_value_size(1 << 20).build().unwrap();
    let [large, small] = read_both(&client, &server).await;
    assert!(server.received_on(0).ends_with(b"small\r\n"), "it is behind the large one");
    gate.open();

    let value = within(small).await.unwrap().unwrap().unwrap();

    assert_eq!(&value.data()[..], b"small");
    assert!(!large.is_finished());
    large.abort();
}

#[tokio::test]
async fn a_small_read_stays_where_there_is_no_other_place() {
    let rest = [&vec![b'.'; 1_000_000 - 64 * 1024][..], b"\r\nVALUE small 0 5\r\nsmall\r\nEND\r\n"];
    let gate = Gate::new();
    let script = Script::new().greet().expect_line().expect("get small\r\n").send(part_of_large());
    let server = Scripted::start(script.wait(&gate).send(rest.concat())).unwrap();
    let client =
        patient(&server.address()).max_value_size(1 << 20).max_pool_size(1).build().unwrap();
    let [large, small] = read_both(&client, &server).await;
    gate.open();

    let value = within(small).await.unwrap().unwrap().unwrap();

    assert_eq!(&value.data()[..], b"small");
    assert_eq!(within(large).await.unwrap().unwrap().unwrap().len(), 1_000_000);
    assert_eq!(server.received().split(|&byte| byte == b'\n').count(), 5);
}

/// Returns the beginning of a reply with a value of 1,000,000 bytes.
fn part_of_large() -> Vec<u8> {
    [&b"VA 1000000 f0 O2\r\n"[..], &vec![b'.'; 64 * 1024]].concat()
}

/// Has the large value read, and then the small one, once the server has heard of each.
async fn read_both(
    client: &Client,
    server: &Scripted,
) -> [JoinHandle<Result<Option<Value>, Error>>; 2] {
    let read = |key: &'static str| {
        let client = client.clone();
        tokio::spawn(async move { client.get(key).await })
    };
    let large = read("large");
    server.wait_received("mg large").await.unwrap();
    let small = read("small");
    server.wait_received("small").await.unwrap();
    [large, small]
}

/// Has so many tasks read a small value, alone and beside others who read large ones.
async fn check(tasks: usize) {
    let server = Memcached::builder().arg("-m").arg("256").start().await.unwrap();
    let writer = patient(&server.address()).build().unwrap();
    put(&writer, "small", 100).await;
    for reader in 0..READERS {
        put(&writer, &format!("large:{reader}"), LARGE).await;
    }
    let proxy = Proxy::start(server.address(), Faults::none().bandwidth(50_000_000)).unwrap();
    let client = patient(&proxy.address()).build().unwrap();

    let mut alone = read_small(&client, tasks, move |own| own >= SMALL_READS / tasks).await;
    let large = Arc::new(AtomicUsize::new(0));
    let mut readers = JoinSet::new();
    for reader in 0..READERS {
        let (client, large) = (client.clone(), Arc::clone(&large));
        readers.spawn(async move {
            let key = format!("large:{reader}");
            while large.load(Ordering::SeqCst) < LARGE_READS {
                let value = client.get(&key).await.unwrap().expect("it is no miss");
                assert_own(&key, &value);
                assert_eq!(value.len(), LARGE);
                large.fetch_add(1, Ordering::SeqCst);
            }
        });
    }
    let over = move |_| large.load(Ordering::SeqCst) >= LARGE_READS;
    let mut beside = read_small(&client, tasks, over).await;
    within(readers.join_all()).await;

    println!(
        "big and small: {tasks} alone {}; beside {READERS} readers of {LARGE} bytes, on {} \
         connections, {}",
        spread(&mut alone),
        proxy.accepts(),
        spread(&mut beside)
    );
    // Were each small one to wait for a large one, a task would read one for every two large.
    let least = LARGE_READS * tasks;
    assert!(beside.len() > 2 * least, "{} small for {LARGE_READS} large values", beside.len());
}

/// Has the small value read by so many tasks, each until `over` of how often it has read it; returns
/// how long each call took.
async fn read_small(
    client: &Client,
    tasks: usize,
    over: impl Fn(usize) -> bool + Clone + Send + 'static,
) -> Vec<Duration> {
    let mut readers = JoinSet::new();
    for _ in 0..tasks {
        let (client, over) = (client.clone(), over.clone());
        readers.spawn(async move {
            let mut times = Vec::new();
            while !over(times.len()) {
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
