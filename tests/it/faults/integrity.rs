//! Many tasks over a network that does its worst: every value says whose it is, and an answer that
//! is not right is counted by what is wrong with it.

use std::{
    collections::HashSet,
    future::{Future, poll_fn},
    pin::pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::Poll,
    time::Duration,
};

use fastrand::Rng;
use memclient::{Client, Dialect, Error, Ttl, Value};
use memclient_tests::{Faults, Memcached, Mischief, Proxy};
use tokio::{runtime::Handle, task::JoinSet, time};

use super::{HANG, memory, seed};

const TASKS: usize = 32;
const KEYS: usize = 256;

/// The client's time limits: a call draws one of them.
const DEADLINES: [u64; 3] = [20, 100, 500];

/// Within how many bytes of replies something goes wrong on each connection.
const CALM: u64 = 60_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_meta_answer_is_right_over_a_network_that_loses_and_delays() {
    run("integrity, meta", Dialect::Meta, false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_classic_answer_is_right_over_a_network_that_loses_and_delays() {
    run("integrity, classic", Dialect::Classic, false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_network_changes_in_meta_replies_harms_no_more_than_it_changed() {
    run("integrity, meta, changed bytes", Dialect::Meta, true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_network_changes_in_classic_replies_harms_no_more_than_it_changed() {
    run("integrity, classic, changed bytes", Dialect::Classic, true).await;
}

/// Runs until 2,000 calls have been dropped, a quarter of 1,000,000 with `MEMCLIENT_LONG=1`.
async fn run(name: &str, dialect: Dialect, changes: bool) {
    let long = std::env::var_os("MEMCLIENT_LONG").is_some_and(|value| value == "1");
    let dropped = if long { 250_000 } else { 2_000 };
    let seed = seed(name);
    let server = Memcached::start().await.unwrap();
    let kinds = Mischief::ALL.into_iter().filter(|kind| changes || !kind.changes_bytes());
    let faults = Faults::none().seed(seed).split().delay(Duration::from_micros(300));
    let faults = faults.mischief(&kinds.collect::<Vec<_>>(), CALM);
    let proxy = Proxy::start(server.address(), faults).unwrap();
    let tasks_before = Handle::current().metrics().num_alive_tasks();
    let memory_before = memory("VmRSS");

    let honest = client(&server.address(), dialect, 30_000);
    let work = Arc::new(Work {
        clients: DEADLINES.map(|limit| client(&proxy.address(), dialect, limit)).into(),
        versions: AtomicU64::new(1),
        keys: (0..KEYS).map(|_| Mutex::default()).collect(),
        tally: Tally::default(),
        enough: AtomicBool::new(false),
    });
    for number in 0..KEYS {
        work.write(&honest, number).await;
    }
    assert_eq!(work.tally.failed.load(Ordering::SeqCst), 0, "the first writes are honest");

    let mut tasks = JoinSet::new();
    for task in 0..TASKS {
        let (work, mut rng) = (Arc::clone(&work), Rng::with_seed(seed.wrapping_add(task as u64)));
        tasks.spawn(async move {
            while !work.enough.load(Ordering::SeqCst) {
                work.act(task, &mut rng, dropped).await;
            }
        });
    }
    let mut panics = 0;
    let mut rng = Rng::with_seed(seed);
    loop {
        let pause = Duration::from_millis(rng.u64(200..2000));
        match time::timeout(pause, tasks.join_next()).await {
            Ok(None) => break,
            Ok(Some(ended)) => panics += usize::from(ended.is_err()),
            Err(_) => {
                server.pause().await.unwrap();
                time::sleep(Duration::from_millis(rng.u64(1..60))).await;
                server.resume().await.unwrap();
            }
        }
    }

    // What the network still holds is lost with it, and then nothing changes any more.
    let injected: Vec<_> = Mischief::ALL.map(|kind| (kind, proxy.count(kind))).into();
    let dials = proxy.accepts();
    drop(proxy);
    let work = Arc::into_inner(work).expect("no task is left");
    drop(work.clients);
    time::sleep(Duration::from_millis(200)).await;
    let mut lost = 0;
    for (number, state) in work.keys.iter().enumerate() {
        let found = honest.get(key(number)).await.unwrap();
        let version = found.as_ref().and_then(|found| judge(number, found).ok());
        let state = state.lock().unwrap();
        lost += u64::from(version.is_none_or(|version| !state.allows(version, state.acked)));
    }
    drop(honest);
    let leaked_connections = until_one_connection(&server).await;
    let leaked_tasks = Handle::current().metrics().num_alive_tasks().saturating_sub(tasks_before);
    let drift = memory("VmRSS").saturating_sub(memory_before);

    let changed: u64 =
        injected.iter().filter(|(kind, _)| kind.changes_bytes()).map(|&(_, count)| count).sum();
    println!(
        "{name}: {} lost={lost} panics={panics} connections left={leaked_connections} tasks \
         left={leaked_tasks} memory +{drift} KiB dials={dials} changed={changed} {injected:?}",
        work.tally.text()
    );
    let count = |count: &AtomicU64| count.load(Ordering::SeqCst);
    let tally = &work.tally;
    assert_eq!((count(&tally.foreign), count(&tally.hung), panics), (0, 0, 0));
    assert_eq!((leaked_connections, leaked_tasks), (0, 0));
    let harmed = count(&tally.wrong) + count(&tally.stale) + count(&tally.missed) + lost;
    assert!(harmed <= changed, "{harmed} answers are not right, {changed} were changed");
    assert!(drift < 64 << 10, "{drift} KiB more than before");
}

fn client(address: &str, dialect: Dialect, milliseconds: u64) -> Client {
    let limit = Duration::from_millis(milliseconds);
    let builder = Client::builder().server(address).dialect(dialect).max_pool_size(4);
    builder.timeout(limit).connect_timeout(limit.max(Duration::from_millis(100))).build().unwrap()
}

struct Work {
    clients: Vec<Client>,
    /// The next version: each is given once, over all keys.
    versions: AtomicU64,
    keys: Vec<Mutex<State>>,
    tally: Tally,
    enough: AtomicBool,
}

/// What is known of a key. Only one task writes it.
#[derive(Default)]
struct State {
    acked: u64,
    /// Versions of which nobody knows whether and when they arrive.
    unsure: HashSet<u64>,
}

impl State {
    /// Says whether a read that began when `floor` was stored may see this version.
    fn allows(&self, version: u64, floor: u64) -> bool {
        version >= floor || self.unsure.contains(&version)
    }
}

impl Work {
    async fn act(&self, task: usize, rng: &mut Rng, dropped: u64) {
        let client = rng.choice(&self.clients).unwrap();
        let own = task + TASKS * rng.usize(..KEYS / TASKS);
        match rng.u32(..10) {
            0..3 => drop(self.cut_short(rng, self.write(client, own)).await),
            3..5 => {
                let numbers: Vec<_> = (0..rng.usize(1..20)).map(|_| rng.usize(..KEYS)).collect();
                let keys: Vec<_> = numbers.iter().map(|&number| key(number)).collect();
                let floors: Vec<_> = numbers.iter().map(|&number| self.floor(number)).collect();
                let Some(found) = self.cut_short(rng, client.get_many(&keys)).await else { return };
                for ((number, floor), found) in numbers.into_iter().zip(floors).zip(found) {
                    self.look(number, floor, found);
                }
            }
            _ => {
                let number = rng.usize(..KEYS);
                let floor = self.floor(number);
                if let Some(found) = self.cut_short(rng, client.get(key(number))).await {
                    self.look(number, floor, found);
                }
            }
        }
        if self.tally.dropped.load(Ordering::SeqCst) >= dropped {
            self.enough.store(true, Ordering::SeqCst);
        }
    }

    /// Writes the next version; until it is known to be stored, it may arrive at any time.
    async fn write(&self, client: &Client, number: usize) {
        let version = self.versions.fetch_add(1, Ordering::SeqCst);
        self.state(number).unsure.insert(version);
        match client.set(key(number), value(number, version), Ttl::Never).await {
            Ok(stored) if stored.is_stored() => {
                let mut state = self.state(number);
                state.acked = version;
                state.unsure.remove(&version);
                self.tally.finished.fetch_add(1, Ordering::SeqCst);
            }
            Ok(_) => drop(self.tally.wrong.fetch_add(1, Ordering::SeqCst)),
            Err(_) => drop(self.tally.failed.fetch_add(1, Ordering::SeqCst)),
        }
    }

    fn look(&self, number: usize, floor: u64, found: Result<Option<Value>, Error>) {
        let tally = &self.tally;
        let count = match found {
            Err(_) => &tally.failed,
            Ok(None) => &tally.missed,
            Ok(Some(found)) => match judge(number, &found) {
                Err(Wrong::Foreign) => &tally.foreign,
                Err(Wrong::Broken) => &tally.wrong,
                // What was unsure when the call began may be stored since.
                Ok(version) if self.state(number).allows(version, floor) => &tally.finished,
                Ok(_) => &tally.stale,
            },
        };
        count.fetch_add(1, Ordering::SeqCst);
    }

    fn floor(&self, number: usize) -> u64 {
        self.state(number).acked
    }

    #[track_caller]
    fn state(&self, number: usize) -> std::sync::MutexGuard<'_, State> {
        self.keys[number].lock().unwrap()
    }

    /// Lets one of four calls end, and drops the others after some polls or some time.
    async fn cut_short<F: Future>(&self, rng: &mut Rng, call: F) -> Option<F::Output> {
        let mut call = pin!(call);
        let output = match rng.u32(..4) {
            0 => {
                let ended = time::timeout(HANG, call).await.ok();
                self.tally.hung.fetch_add(u64::from(ended.is_none()), Ordering::SeqCst);
                return ended;
            }
            1 => time::timeout(Duration::from_micros(rng.u64(..4000)), call).await.ok(),
            _ => {
                let mut output = None;
                for _ in 0..rng.u32(..8) {
                    let polled = poll_fn(|cx| Poll::Ready(call.as_mut().poll(cx))).await;
                    if let Poll::Ready(ready) = polled {
                        output = Some(ready);
                        break;
                    }
                    tokio::task::yield_now().await;
                }
                output
            }
        };
        self.tally.dropped.fetch_add(u64::from(output.is_none()), Ordering::SeqCst);
        output
    }
}

/// What became of the calls.
#[derive(Default)]
struct Tally {
    finished: AtomicU64,
    dropped: AtomicU64,
    failed: AtomicU64,
    /// Broken, of another key, older than what was stored before, and not found.
    wrong: AtomicU64,
    foreign: AtomicU64,
    stale: AtomicU64,
    missed: AtomicU64,
    hung: AtomicU64,
}

impl Tally {
    fn text(&self) -> String {
        let counts = [
            ("finished", &self.finished),
            ("dropped", &self.dropped),
            ("failed", &self.failed),
            ("wrong", &self.wrong),
            ("foreign", &self.foreign),
            ("stale", &self.stale),
            ("missed", &self.missed),
            ("hung", &self.hung),
        ];
        let counts = counts.map(|(name, count)| format!("{name}={}", count.load(Ordering::SeqCst)));
        counts.join(" ")
    }
}

enum Wrong {
    Foreign,
    Broken,
}

fn key(number: usize) -> String {
    format!("key:{number}")
}

/// Returns a value that says its key and version, with a checksum over all of it.
fn value(number: usize, version: u64) -> Value {
    let size = 20
        + usize::try_from(version % 97).unwrap() * if version.is_multiple_of(50) { 200 } else { 2 };
    let body = format!("{number}|{version}|{}", "x".repeat(size));
    Value::new(format!("{:016x}|{body}", checksum(body.as_bytes())), 0)
}

/// Returns the version of a value, if it is whole and this key's.
fn judge(number: usize, found: &Value) -> Result<u64, Wrong> {
    let text = str::from_utf8(found.data()).map_err(|_| Wrong::Broken)?;
    let (sum, body) = text.split_once('|').ok_or(Wrong::Broken)?;
    if u64::from_str_radix(sum, 16).ok() != Some(checksum(body.as_bytes())) {
        return Err(Wrong::Broken);
    }
    let mut words = body.split('|');
    if words.next() != Some(&number.to_string()) {
        return Err(Wrong::Foreign);
    }
    words.next().and_then(|version| version.parse().ok()).ok_or(Wrong::Broken)
}

/// FNV-1a.
fn checksum(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |sum, &byte| {
        (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// Returns how many connections stay open beside that of the look itself.
async fn until_one_connection(server: &Memcached) -> u64 {
    let mut open = 0;
    for _ in 0..200 {
        let count = server.stat("curr_connections").await.unwrap().unwrap();
        // The server counts the socket at which it listens.
        open = count.parse::<u64>().unwrap().saturating_sub(2);
        if open == 0 {
            break;
        }
        time::sleep(Duration::from_millis(25)).await;
    }
    open
}
