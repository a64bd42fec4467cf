//! Many tasks over a network and a server that do their worst. Every value says whose it is, which
//! version of it, and whether it is whole; every answer is held against what was written, and counted
//! by what is wrong with it.
//!
//! ```text
//! callers ── drop calls, draw deadlines ──> client ──> proxy (mischief) ──> memcached (frozen, killed)
//!    └── note what they wrote and were told ──> truth ──> tally ──> report
//! ```
//!
//! `tests/faults/integrity.rs` asks for short runs of it, `scripts/soak` for a long one.

#![allow(clippy::expect_used, reason = "a run that cannot begin has nothing to report")]

mod callers;
mod loads;
mod report;
mod server;
mod tally;
mod truth;

use std::{
    sync::{Arc, atomic::AtomicBool},
    time::{Duration, Instant},
};

use fastrand::Rng;
use memclient::{Cache, Client, Dialect};
use tokio::{runtime::Handle, task::JoinSet, time};

use self::{
    callers::Caller,
    loads::Loads,
    server::Server,
    tally::Tally,
    truth::{ROWS, Truth},
};
pub use self::{report::Report, tally::Moment};
use crate::{Faults, Memcached, Mischief, Proxy};

/// How many tasks call.
const TASKS: usize = 32;

/// The client's time limits: a call draws one of them.
const LIMITS: [u64; 3] = [20, 100, 500];

/// Within how many bytes of replies something goes wrong on each connection.
const CALM: u64 = 60_000;

/// Longer than anything here takes; passing it is a hang.
const HANG: Duration = Duration::from_secs(60);

/// What a run is made of.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What the report calls it.
    pub name: &'static str,
    /// What the client speaks.
    pub dialect: Dialect,
    /// What the network does, beside delaying and splitting everything.
    pub mischief: Vec<Mischief>,
    /// Whether there is TLS between the client and the server. The network sees what it encrypts.
    pub tls: bool,
    /// Repeats what the network does and what each task chooses. How threads take turns is not
    /// repeated.
    pub seed: u64,
    /// When it is over.
    pub until: Until,
}

/// When a run is over.
#[derive(Clone, Copy, Debug)]
pub enum Until {
    /// So many calls were dropped.
    Dropped(u64),
    /// So much time has passed.
    Passed(Duration),
}

impl Until {
    fn is_now(self, tally: &Tally, began: Instant) -> bool {
        match self {
            Self::Dropped(count) => tally.dropped() >= count,
            Self::Passed(time) => began.elapsed() >= time,
        }
    }
}

/// What the tasks of a run share.
struct Work {
    clients: Vec<Client>,
    truth: Truth,
    tally: Tally,
    loads: Loads,
    enough: AtomicBool,
}

/// Runs a plan; `watch` sees how it stands about once a second.
///
/// # Panics
/// When no server can be started, or the first writes fail: nothing is in their way.
pub async fn run(plan: Plan, mut watch: impl FnMut(&Moment)) -> Report {
    let mut builder = Memcached::builder();
    if plan.tls {
        builder = builder.tls();
    }
    let memcached = builder.start().await.expect("memcached starts");
    let faults = Faults::none().seed(plan.seed).split().delay(Duration::from_micros(300));
    let faults = faults.mischief(&plan.mischief, CALM);
    let proxy = Proxy::start(memcached.address(), faults).expect("a port is free");
    let tasks_before = Handle::current().metrics().num_alive_tasks();
    let honest = client(&memcached, memcached.address(), &plan, 30_000);

    let began = Instant::now();
    let clients = LIMITS.map(|limit| client(&memcached, proxy.address(), &plan, limit));
    let cache = Cache::builder().namespace("load").backend(clients[1].clone());
    let work = Arc::new(Work {
        clients: clients.into(),
        truth: Truth::new(),
        tally: Tally::new(),
        loads: Loads::new(&cache.build().expect("it is a cache")),
        enough: AtomicBool::new(false),
    });
    callers::write_all(&work, &honest).await;

    let mut tasks = JoinSet::new();
    for task in 0..TASKS {
        let rng = Rng::with_seed(plan.seed.wrapping_add(task as u64));
        tasks.spawn(Caller { work: Arc::clone(&work), rng, task }.run(plan.until, began));
    }
    let mut server = Server::new(memcached, Rng::with_seed(plan.seed));
    let (mut panics, mut moments) = (0, Vec::new());
    let mut next_look = Duration::ZERO;
    while !tasks.is_empty() {
        if began.elapsed() >= next_look {
            next_look = began.elapsed() + Duration::from_secs(1);
            let moment = Moment::now(began.elapsed(), &work.tally, &proxy, &server);
            watch(&moment);
            moments.push(moment);
        }
        match time::timeout(server.pause(), tasks.join_next()).await {
            Ok(ended) => panics += u64::from(ended.is_some_and(|ended| ended.is_err())),
            Err(_) => server.suffer(&work.truth).await,
        }
    }

    // What the network still holds is lost with it, and then nothing changes any more.
    let mischief = Mischief::ALL.map(|kind| (kind, proxy.count(kind)));
    let (dials, forged) = (proxy.accepts(), proxy.forged());
    drop(proxy);
    let work = Arc::into_inner(work).expect("no task is left");
    drop((work.clients, work.loads));
    time::sleep(Duration::from_millis(200)).await;
    let lost = work.truth.count_lost(&honest).await;
    drop(honest);
    let connections_left = until_none(async || server.open().await).await;
    let tasks = || Handle::current().metrics().num_alive_tasks().saturating_sub(tasks_before);
    let tasks_left = until_none(async || tasks() as u64).await;
    let mut end = moments.last().cloned().unwrap_or_default();
    end.memory = crate::memory("VmRSS");
    moments.push(end);
    Report {
        name: plan.name,
        took: began.elapsed(),
        counts: work.tally.counts(),
        lost,
        panics,
        connections_left,
        tasks_left,
        dials,
        forged,
        mischief,
        kills: server.kills(),
        freezes: server.freezes(),
        moments,
    }
}

fn client(memcached: &Memcached, address: impl AsRef<str>, plan: &Plan, limit: u64) -> Client {
    let limit = Duration::from_millis(limit);
    let builder = memcached.client_builder_at(address).dialect(plan.dialect).max_pool_size(4);
    let builder = builder.timeout(limit).connect_timeout(limit.max(Duration::from_millis(100)));
    builder.build().expect("it is a client")
}

/// Returns how many are left, as soon as none is. What dropped calls were about to be given is given
/// back first, which takes up to their time limit.
async fn until_none(count: impl AsyncFn() -> u64) -> u64 {
    let mut left = 0;
    for _ in 0..200 {
        left = count().await;
        if left == 0 {
            break;
        }
        time::sleep(Duration::from_millis(25)).await;
    }
    left
}
