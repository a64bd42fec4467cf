//! Calls that are dropped, at any point and in any number: no answer goes astray, and nobody else
//! pays for it.

use std::{
    future::Future,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use fastrand::Rng;
use memclient::{Client, Error, Ttl, Value};
use memclient_tests::{Faults, Memcached, Proxy, is_long, polled, seed};
use tokio::task::JoinSet;

use super::{HANG, patient, until_ok, within};

const TASKS: usize = 64;

/// Keys with small values; each has one task that writes it, and all read it.
const SMALL: usize = 256;
const SMALL_BYTES: usize = 100;

/// Keys with large values, likewise.
const LARGE: usize = 8;
const LARGE_BYTES: usize = 1 << 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_answer_goes_astray_on_one_connection_of_many_threads() {
    storm("cancel, 1 connection, threads", 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_answer_goes_astray_on_four_connections_of_many_threads() {
    storm("cancel, 4 connections, threads", 4).await;
}

#[tokio::test]
async fn no_answer_goes_astray_on_one_connection_of_one_thread() {
    storm("cancel, 1 connection, 1 thread", 1).await;
}

#[tokio::test]
async fn no_answer_goes_astray_on_four_connections_of_one_thread() {
    storm("cancel, 4 connections, 1 thread", 4).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_dropped_while_connecting_share_one_dial() {
    let mut rng = Rng::with_seed(seed("cancel, connecting"));
    let server = Memcached::start().await.unwrap();
    let faults = || Faults::none().delay(Duration::from_millis(2)).split();
    let (clients, calls) = (if is_long() { 1000 } else { 100 }, 4);

    for _ in 0..clients {
        let proxy = Proxy::start(server.address(), faults().seed(rng.u64(..))).unwrap();
        let client = patient(&proxy.address()).build().unwrap();
        let mut tasks = JoinSet::new();
        for _ in 0..calls {
            let (client, mut rng) = (client.clone(), rng.fork());
            tasks.spawn(async move { cut_short(&mut rng, client.get("none")).await.is_some() });
        }
        within(tasks.join_all()).await;

        assert_eq!(within(client.get("none")).await.unwrap(), None);
        // Several at a time may ask for one more connection, and for no more than that each.
        assert!((1..=calls).contains(&proxy.accepts()), "{} dials", proxy.accepts());
    }
}

/// Runs a quarter of 20,000 calls, of 1,000,000 with `MEMCLIENT_LONG=1`, most of which are dropped.
async fn storm(name: &'static str, connections: usize) {
    let calls = if is_long() { 250_000 } else { 5_000 };
    let seed = seed(name);
    let server = Memcached::builder().arg("-m").arg("512").arg("-I").arg("2m");
    let server = server.start().await.unwrap();
    let faults = Faults::none().seed(seed).delay(Duration::from_micros(500)).split();
    let proxy = Proxy::start(server.address(), faults).unwrap();
    let client = patient(&proxy.address()).max_pool_size(connections).build().unwrap();
    let all = SMALL + LARGE;
    let storm = Arc::new(Storm {
        client,
        // Of two connections the one with a dropped write may be the slower.
        ordered: connections == 1,
        issued: (0..all).map(|_| AtomicU64::new(0)).collect(),
        stored: (0..all).map(|_| AtomicU64::new(0)).collect(),
        tally: Tally::default(),
    });
    for number in 0..all {
        let set = until_ok(|| storm.client.set(key(number), value(number, 0), Ttl::Never));
        assert!(set.await.is_stored());
    }
    let bytes = proxy.bytes_up() + proxy.bytes_down();

    let mut tasks = JoinSet::new();
    for task in 0..TASKS {
        let (storm, mut rng) = (Arc::clone(&storm), Rng::with_seed(seed.wrapping_add(task as u64)));
        tasks.spawn(async move {
            for _ in 0..calls / TASKS {
                if storm.tally.is_bad() {
                    break;
                }
                storm.act(task, &mut rng).await;
            }
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended.expect("no task panics");
    }

    let (tally, dials) = (&storm.tally, proxy.accepts());
    let megabytes = (proxy.bytes_up() + proxy.bytes_down() - bytes) >> 20;
    println!("{name}: {} MB={megabytes} dials={dials}", tally.text());
    tally.assert_clean();
    assert!((1..=connections as u64).contains(&dials), "{dials} dials, no call may cost one");
    assert!(tally.dropped.load(Ordering::SeqCst) > calls as u64 / 10, "too few were dropped");
}

struct Storm {
    client: Client,
    ordered: bool,
    /// Per key the last version that was sent off, and the last that is known to be stored.
    issued: Vec<AtomicU64>,
    stored: Vec<AtomicU64>,
    tally: Tally,
}

impl Storm {
    async fn act(&self, task: usize, rng: &mut Rng) {
        match rng.u32(0..200) {
            0..2 if task < LARGE => self.set(SMALL + task, rng).await,
            0..1 => self.get(SMALL + rng.usize(..LARGE), rng).await,
            2..40 => self.set(task + TASKS * rng.usize(..SMALL / TASKS), rng).await,
            40..60 => self.get_many(rng).await,
            60..80 => self.gets(rng).await,
            80..100 => self.get_in_a_task(rng).await,
            _ => self.get(rng.usize(..SMALL), rng).await,
        }
    }

    async fn get(&self, number: usize, rng: &mut Rng) {
        let floor = self.floor(number);
        let outcome = self.attempt(rng, self.client.get(key(number))).await;
        self.judge(number, floor, outcome);
    }

    async fn gets(&self, rng: &mut Rng) {
        let number = rng.usize(..SMALL);
        let floor = self.floor(number);
        let outcome = self.attempt(rng, self.client.gets(key(number))).await;
        self.judge(number, floor, outcome.map(|done| done.map(|item| item.map(|it| it.value))));
    }

    async fn get_many(&self, rng: &mut Rng) {
        let numbers: Vec<usize> = (0..rng.usize(1..60)).map(|_| rng.usize(..SMALL)).collect();
        let floors: Vec<u64> = numbers.iter().map(|&number| self.floor(number)).collect();
        let keys: Vec<String> = numbers.iter().map(|&number| key(number)).collect();
        let outcome = self.attempt(rng, self.client.get_many(&keys)).await;
        let Some(outcomes) = outcome else { return };
        assert_eq!(outcomes.len(), keys.len());
        for ((number, floor), outcome) in numbers.into_iter().zip(floors).zip(outcomes) {
            self.judge(number, floor, Some(outcome));
        }
    }

    /// Reads in a task of its own, which is aborted.
    async fn get_in_a_task(&self, rng: &mut Rng) {
        let number = rng.usize(..SMALL);
        let (client, floor) = (self.client.clone(), self.floor(number));
        let task = tokio::spawn(async move { client.get(key(number)).await });
        for _ in 0..rng.u32(0..4) {
            tokio::task::yield_now().await;
        }
        task.abort();
        match task.await {
            Ok(outcome) => self.judge(number, floor, Some(outcome)),
            Err(error) => {
                assert!(error.is_cancelled(), "no task panics");
                self.tally.dropped.fetch_add(1, Ordering::SeqCst);
            }
        }
    }

    async fn set(&self, number: usize, rng: &mut Rng) {
        let version = self.issued[number].fetch_add(1, Ordering::SeqCst) + 1;
        let set = self.client.set(key(number), value(number, version), Ttl::Never);
        match self.attempt(rng, set).await {
            Some(Ok(stored)) => {
                assert!(stored.is_stored());
                self.stored[number].store(version, Ordering::SeqCst);
                self.tally.finished.fetch_add(1, Ordering::SeqCst);
            }
            Some(Err(error)) => self.tally.fail(&error),
            None => {}
        }
    }

    /// Returns the oldest version that a call which begins now may see.
    fn floor(&self, number: usize) -> u64 {
        if self.ordered { self.stored[number].load(Ordering::SeqCst) } else { 0 }
    }

    /// Lets a call end, or drops it on the way.
    async fn attempt<F: Future>(&self, rng: &mut Rng, call: F) -> Option<F::Output> {
        let outcome = if rng.u8(..) < 64 {
            let outcome = tokio::time::timeout(HANG, call).await;
            if outcome.is_err() {
                self.tally.hung.fetch_add(1, Ordering::SeqCst);
            }
            outcome.ok()
        } else {
            cut_short(rng, call).await
        };
        if outcome.is_none() {
            self.tally.dropped.fetch_add(1, Ordering::SeqCst);
        }
        outcome
    }

    fn judge(&self, number: usize, floor: u64, outcome: Option<Result<Option<Value>, Error>>) {
        let tally = &self.tally;
        let found = match outcome {
            None => return,
            Some(Err(error)) => return tally.fail(&error),
            Some(Ok(None)) => {
                tally.missed.fetch_add(1, Ordering::SeqCst);
                return;
            }
            Some(Ok(Some(found))) => found,
        };
        let newest = self.issued[number].load(Ordering::SeqCst);
        let count = match version(number, &found) {
            Some(version) if version < floor => &tally.stale,
            Some(version) if version <= newest => &tally.finished,
            _ => &tally.wrong,
        };
        count.fetch_add(1, Ordering::SeqCst);
    }
}

/// What became of the calls.
#[derive(Default)]
struct Tally {
    finished: AtomicU64,
    dropped: AtomicU64,
    wrong: AtomicU64,
    stale: AtomicU64,
    missed: AtomicU64,
    hung: AtomicU64,
    failed: AtomicU64,
    first_failure: Mutex<Option<String>>,
}

impl Tally {
    fn fail(&self, error: &Error) {
        self.failed.fetch_add(1, Ordering::SeqCst);
        self.first_failure.lock().unwrap().get_or_insert(format!("{error:?}"));
    }

    fn text(&self) -> String {
        let [finished, dropped, wrong, stale, missed, hung, failed] = [
            &self.finished,
            &self.dropped,
            &self.wrong,
            &self.stale,
            &self.missed,
            &self.hung,
            &self.failed,
        ]
        .map(|count| count.load(Ordering::SeqCst));
        format!(
            "finished={finished} dropped={dropped} wrong={wrong} stale={stale} missed={missed} \
             hung={hung} failed={failed}"
        )
    }

    fn is_bad(&self) -> bool {
        let bad = [&self.wrong, &self.stale, &self.missed, &self.hung, &self.failed];
        bad.into_iter().any(|count| count.load(Ordering::SeqCst) > 0)
    }

    #[track_caller]
    fn assert_clean(&self) {
        let first = self.first_failure.lock().unwrap();
        assert!(!self.is_bad(), "{} {first:?}", self.text());
    }
}

/// Polls a call a few times, or for a short while, and drops it; returns its output if it was ready.
async fn cut_short<F: Future>(rng: &mut Rng, call: F) -> Option<F::Output> {
    if rng.bool() {
        let most = Duration::from_micros(rng.u64(0..3000));
        return tokio::select! {
            output = call => Some(output),
            () = tokio::time::sleep(most) => None,
        };
    }
    polled(call, rng.u32(0..6)).await
}

fn key(number: usize) -> String {
    format!("key:{number}")
}

/// Returns a value that says of which key and version it is, in every byte.
fn value(number: usize, version: u64) -> Value {
    let size = if number < SMALL { SMALL_BYTES } else { LARGE_BYTES };
    let mut data = format!("{number}|{version}|").into_bytes();
    data.resize(size, (version % 251) as u8);
    Value::new(data, 0)
}

/// Returns the version of a value, if it is one of this key and whole.
fn version(number: usize, found: &Value) -> Option<u64> {
    let head = found.data().get(..SMALL_BYTES)?;
    let mut words = head.split(|&byte| byte == b'|').skip(1);
    let version = str::from_utf8(words.next()?).ok()?.parse().ok()?;
    (found.data() == value(number, version).data()).then_some(version)
}
