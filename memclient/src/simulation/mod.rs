//! Connection, pool, client and cache together, over a network and under a clock that obey a seed.
//!
//! One seed makes one history: which tasks call what and leave on the way, how long bytes take and in
//! which pieces they come, when streams are lost, when nothing arrives, when the server crashes and
//! comes back. Everything runs on one thread with a paused clock, so a second of silence takes no time
//! and a seed that has failed fails again:
//!
//! ```text
//! MEMCLIENT_SEED=17 cargo test -p memclient --lib simulation -- --nocapture
//! MEMCLIENT_SEEDS=10000 cargo test -p memclient --release --lib simulation
//! ```
//!
//! A fault that is put in on purpose (`--cfg memclient_planted="fill"`, in `cache/fill.rs`) fails seed 5,
//! among others; `scripts/planted` shows it.
//!
//! What must hold in every history: a read finds what was written under its key, and neither what was
//! over before it began nor nothing where something stayed; of those who swap one version one
//! succeeds; no increment counts twice, nor one that is told not to have been sent; a cache returns
//! nothing that was invalidated before it was asked; every call ends by its deadline; nothing fails
//! while nothing is wrong; there are never more connections than the pool may have, few dials while
//! the server is down, and a good call soon after it is back; in the end nothing is left.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "in a simulation a panic is the report"
)]

mod callers;
mod faults;
mod history;
mod loaders;
mod log;
mod network;
mod server;
mod world;

use std::{
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use fastrand::Rng;
use tokio::{
    runtime::{Builder, Handle},
    task::JoinSet,
    time::{Instant, sleep, timeout},
};

use self::{
    callers::{Caller, Counts},
    loaders::{Database, Loader},
    log::Log,
    network::Network,
    server::Server,
    world::World,
};
use crate::{
    Cache, Client, Clock, Dialect, TypedCache, conn::Watch, net::simulated, runtime::Executor,
};

/// How many seeds the tests run, each test its share of them.
const SEEDS: u64 = 500;
const TESTS: u64 = 4;

/// Longer than every task takes together: whoever is not done by then hangs.
const FOREVER: Duration = Duration::from_secs(120);

/// What came of a seed.
#[derive(Debug, Eq, PartialEq)]
struct Outcome {
    /// Of everything that happened, in its order.
    digest: u64,
    calls: u64,
    took: Duration,
}

/// Runs one history.
fn run(seed: u64, shown: bool) -> Outcome {
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    // What the crate itself leaves to chance: jitter and backoff.
    fastrand::seed(seed);
    runtime.block_on(async {
        Executor::stand_in(Some(Handle::current()));
        Watch::stand_in(true);
        let outcome = timeout(FOREVER, history(Rng::with_seed(seed), shown)).await;
        outcome.expect("somebody hangs")
    })
}

/// Takes what a simulation has put in place of the system away from this thread.
struct Restored;

impl Drop for Restored {
    fn drop(&mut self) {
        simulated::install(None);
        Executor::stand_in(None);
        Watch::stand_in(false);
    }
}

async fn history(mut rng: Rng, shown: bool) -> Outcome {
    let _restored = Restored;
    let start = Instant::now();
    let log = Log::new(shown);
    let (network, accepted) = Network::new(rng.fork(), log.clone());
    simulated::install(Some(Arc::new(network.clone())));
    let server = Server::default();
    let serving = tokio::spawn(server.clone().run(accepted));

    let (call_timeout, max_pool_size) =
        (Duration::from_millis(rng.u64(200..1000)), rng.usize(1..5));
    let dialect = if rng.u8(..4) == 0 { Dialect::Classic } else { Dialect::Auto };
    let client = Client::builder()
        .server("simulated:11211")
        .dialect(dialect)
        .timeout(call_timeout)
        .connect_timeout(Duration::from_millis(rng.u64(100..1500)))
        .max_pool_size(max_pool_size)
        .build()
        .unwrap();
    let caches: Arc<[TypedCache<String>]> = caches(&client, dialect, &mut rng).into();
    let world =
        World::new(log.clone(), network.clone(), server, client, call_timeout, max_pool_size);

    let mut tasks = JoinSet::new();
    tasks.spawn(faults::run(Arc::clone(&world), rng.fork()));
    let counts = Arc::new(Counts::default());
    for number in 0..rng.usize(1..7) {
        let counts = Arc::clone(&counts);
        let caller = Caller { world: Arc::clone(&world), counts, rng: rng.fork(), number };
        tasks.spawn(caller.run(rng.usize(10..40)));
    }
    let database = Arc::new(Database::default());
    for _ in 0..rng.usize(1..5) {
        let (database, caches) = (Arc::clone(&database), Arc::clone(&caches));
        let loader = Loader { world: Arc::clone(&world), database, caches, rng: rng.fork() };
        tasks.spawn(loader.run(rng.usize(5..30)));
    }
    while let Some(ended) = tasks.join_next().await {
        if let Err(error) = ended {
            resume_unwind(error.into_panic());
        }
        world.check_pool();
    }
    if world.incarnation.load(Ordering::Relaxed) == 0 {
        // What was under way and is of no interest to anybody may still arrive.
        sleep(Duration::from_secs(1)).await;
        let counter = world.client.get("n").await.expect("all is well");
        counts.check(counter.map_or(0, |counter| counter.decode().expect("it is a number")));
    }

    let calls = world.calls.load(Ordering::Relaxed);
    drop((world, caches));
    sleep(Duration::from_secs(1)).await;
    assert_eq!(network.open().1, 0, "a connection outlives its client");
    simulated::install(None);
    drop(network);
    serving.await.expect("the server understands everything");
    Outcome { digest: log.digest(), calls, took: start.elapsed() }
}

/// Returns caches over the client: one that keeps copies in memory, or two that see all changes of
/// each other, for which they need leases.
fn caches(client: &Client, dialect: Dialect, rng: &mut Rng) -> Vec<TypedCache<String>> {
    // The time of the system, which passes meanwhile, would be no part of the seed.
    let clock = Clock::manual();
    let cache = || Cache::builder().namespace("s").backend(client.clone()).clock(clock.clone());
    let caches = match (rng.u8(..3), dialect) {
        (0, _) => vec![cache()],
        (1, _) | (_, Dialect::Classic) => vec![cache().without_near()],
        _ => vec![cache().without_near(), cache().without_near()],
    };
    caches.into_iter().map(|cache| cache.build().unwrap().typed("row")).collect()
}

/// Runs a seed, and says which it was where it fails.
#[track_caller]
fn check(seed: u64, shown: bool) -> Outcome {
    match catch_unwind(AssertUnwindSafe(|| run(seed, shown))) {
        Ok(outcome) => outcome,
        Err(panic) => {
            eprintln!("seed {seed} failed; MEMCLIENT_SEED={seed} shows what happened");
            resume_unwind(panic)
        }
    }
}

/// Runs every one of `TESTS` seeds from `first` on, or the one that the environment names.
fn check_seeds(first: u64) {
    let number = |name| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    if let Some(seed) = number("MEMCLIENT_SEED") {
        if seed % TESTS == first {
            println!("{:?}", check(seed, true));
        }
        return;
    }
    let (mut calls, mut took) = (0, Duration::ZERO);
    let seeds = number("MEMCLIENT_SEEDS").unwrap_or(SEEDS);
    for seed in (0..seeds).filter(|seed| seed % TESTS == first) {
        let outcome = check(seed, false);
        calls += outcome.calls;
        took += outcome.took;
    }
    println!("{calls} calls in {took:?} of their own time");
}

#[test]
fn every_history_holds_1() {
    check_seeds(0);
}

#[test]
fn every_history_holds_2() {
    check_seeds(1);
}

#[test]
fn every_history_holds_3() {
    check_seeds(2);
}

#[test]
fn every_history_holds_4() {
    check_seeds(3);
}

#[test]
fn a_seed_makes_one_history() {
    for seed in 0..20 {
        assert_eq!(check(seed, false), check(seed, false), "seed {seed}");
    }
}
