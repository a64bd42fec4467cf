//! A server that is down, with 64 tasks that will not believe it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use memclient::Client;
use memclient_tests::{Faults, Memcached, Mode, Proxy};
use tokio::{runtime::Builder, task::JoinSet};

use super::{HANG, patient, put, within};

const TASKS: usize = 64;
const POOL: u64 = 8;

/// Dials in a second to a server that is down.
const DIALS: u64 = 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_down_is_dialed_seldom_and_found_when_it_is_back() {
    let server = Memcached::start().await.unwrap();
    let proxy = Proxy::start(server.address(), Faults::none()).unwrap();
    let client = patient(&proxy.address()).max_pool_size(8).build().unwrap();
    put(&client, "k", 10).await;
    proxy.set(Mode::Refuse);
    let load = Load::start(&client);
    // The loss of the connections themselves is over.
    load.wait_for_failures(TASKS as u64).await;

    let (dials, failures, begin) = (proxy.accepts(), load.failures(), Instant::now());
    tokio::time::sleep(Duration::from_secs(1)).await;
    let down = begin.elapsed();
    let (dials, failures) = (proxy.accepts() - dials, load.failures() - failures);
    let (dials_before, failures_before) = (proxy.accepts(), load.failures());

    proxy.set(Mode::Pass);
    let begin = Instant::now();
    load.wait_for_success().await;
    let back = begin.elapsed();
    let (dials_until, failures_until) =
        (proxy.accepts() - dials_before, load.failures() - failures_before);
    tokio::time::sleep(Duration::from_secs(1).saturating_sub(begin.elapsed())).await;
    let dials_back = proxy.accepts() - dials_before;
    let slowest = load.end().await;

    println!(
        "down: {dials} dials and {failures} failed calls in {down:.1?} down, the slowest failure \
         {slowest:.1?}; back after {back:.1?} with {dials_until} dials and {failures_until} failed \
         calls; {dials_back} dials in the first second back"
    );
    assert!(failures > 1000, "calls do not fail fast: {failures}");
    // In proportion to the time that a busy machine made of the second.
    let most = DIALS * (1 + down.as_secs());
    assert!((1..=most).contains(&dials), "{dials} dials in {down:?}");
    // One may have been under way when the server came back, one succeeds, and the first call on it
    // may ask for one more before it has its answer.
    assert!(dials_until <= 3, "{dials_until} dials until the first answer");
    assert!(dials_back <= POOL + 1, "{dials_back} dials in the first second");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_loses_every_byte_is_dialed_seldom() {
    let server = Memcached::start().await.unwrap();
    let proxy = Proxy::start(server.address(), Faults::none()).unwrap();
    let builder = Client::builder().server(proxy.address());
    let builder = builder.connect_timeout(Duration::from_millis(100));
    let client = builder.timeout(Duration::from_millis(100)).build().unwrap();
    proxy.set(Mode::Swallow);
    let load = Load::start(&client);
    // Who came first has waited for the outcome of the first dial.
    load.wait_for_failures(TASKS as u64).await;

    let (before, failures) = (proxy.accepts(), load.failures());
    tokio::time::sleep(Duration::from_secs(1)).await;
    let (dials, failures) = (proxy.accepts() - before, load.failures() - failures);
    proxy.set(Mode::Pass);
    let begin = Instant::now();
    load.wait_for_success().await;
    let back = begin.elapsed();
    load.end().await;

    println!(
        "down: {dials} dials and {failures} failed calls in a second of a black hole; back after \
         {back:.1?}"
    );
    assert!((1..=DIALS).contains(&dials), "{dials} dials");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_waits_for_a_probe_of_a_server_that_is_down() {
    let server = Memcached::start().await.unwrap();
    let proxy = Proxy::start(server.address(), Faults::none()).unwrap();
    let builder = Client::builder().server(proxy.address());
    // Who waited for the probe below would wait for longer than this test takes.
    let client = builder.connect_timeout(2 * HANG).timeout(2 * HANG).build().unwrap();
    proxy.set(Mode::Refuse);
    let load = Load::start(&client);
    load.wait_for_failures(TASKS as u64).await;
    proxy.set(Mode::Swallow);
    let before = proxy.accepts();
    within(async {
        while proxy.accepts() == before {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await;

    load.wait_for_failures(load.failures() + 1000).await;

    assert_eq!(proxy.accepts(), before + 1, "the probe is under way");
    load.end().await;
}

#[test]
fn a_runtime_that_runs_for_its_calls_only_finds_its_server_again() {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let server = runtime.block_on(Memcached::start()).unwrap();
    let proxy = Proxy::start(server.address(), Faults::none()).unwrap();
    let client = patient(&proxy.address()).build().unwrap();
    proxy.set(Mode::Refuse);
    let call = || {
        std::thread::sleep(Duration::from_millis(10));
        runtime.block_on(client.get("k"))
    };
    for _ in 0..20 {
        assert!(call().is_err());
    }
    proxy.set(Mode::Pass);

    let begin = Instant::now();
    while call().is_err() {
        assert!(begin.elapsed() < HANG, "nobody probes it");
    }
    println!("down: back after {:.1?} in a runtime that runs for its calls only", begin.elapsed());
}

#[tokio::test]
async fn who_calls_seldom_is_not_told_of_an_old_failure() {
    let server = Memcached::start().await.unwrap();
    let proxy = Proxy::start(server.address(), Faults::none()).unwrap();
    let client = patient(&proxy.address()).build().unwrap();
    proxy.set(Mode::Refuse);
    for _ in 0..3 {
        assert!(within(client.get("k")).await.is_err());
    }
    proxy.set(Mode::Pass);
    tokio::time::sleep(Duration::from_secs(1)).await;

    assert_eq!(within(client.get("k")).await.unwrap(), None);
}

/// Tasks that read without a pause.
struct Load {
    shared: Arc<Shared>,
    tasks: JoinSet<Duration>,
}

#[derive(Default)]
struct Shared {
    successes: AtomicU64,
    failures: AtomicU64,
    over: AtomicBool,
}

impl Load {
    fn start(client: &Client) -> Self {
        let shared = Arc::new(Shared::default());
        let mut tasks = JoinSet::new();
        for _ in 0..TASKS {
            let (client, shared) = (client.clone(), Arc::clone(&shared));
            tasks.spawn(async move {
                let mut slowest = Duration::ZERO;
                while !shared.over.load(Ordering::SeqCst) {
                    let begin = Instant::now();
                    let outcome = client.get("k").await;
                    let count = match outcome {
                        Ok(_) => &shared.successes,
                        Err(error) => {
                            let named = error.is_connect() || error.is_closed();
                            assert!(named || error.is_timeout(), "{error:?}");
                            slowest = slowest.max(begin.elapsed());
                            &shared.failures
                        }
                    };
                    count.fetch_add(1, Ordering::SeqCst);
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
                slowest
            });
        }
        Self { shared, tasks }
    }

    fn failures(&self) -> u64 {
        self.shared.failures.load(Ordering::SeqCst)
    }

    async fn wait_for_failures(&self, count: u64) {
        let failed = async {
            while self.failures() < count {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        within(failed).await;
    }

    async fn wait_for_success(&self) {
        let before = self.shared.successes.load(Ordering::SeqCst);
        let succeeded = async {
            while self.shared.successes.load(Ordering::SeqCst) == before {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        within(succeeded).await;
    }

    /// Ends the tasks and returns how long the slowest failure took.
    async fn end(self) -> Duration {
        self.shared.over.store(true, Ordering::SeqCst);
        within(self.tasks.join_all()).await.into_iter().max().unwrap_or_default()
    }
}
