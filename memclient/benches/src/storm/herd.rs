//! The origin after a restart: how often it is asked for 100 hot keys that are all lost at once.
//!
//! 200 clients, each with a cache of its own, ask for one of the keys every 20 ms; a load takes
//! 50 ms. The server is killed and comes back empty, at once or after five seconds. `per key` is how
//! many loads of a key began once it was back, on average, and `most` those of the key that had the
//! most; `until` is when the last one began. One is as few as there can be where no process has a
//! copy. While the server is down nobody can know of the loads of others: `loads/s` beside
//! `calls/s` is what the origin is asked for then.

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};

use memcache::exp::{AsyncMemcache, Ttl};
use memclient::{Cache, Client, Policy, TypedCache};
use tokio::task::JoinSet;

use crate::{options::Options, peers::Outcome, server::Server, workload::Random};

const CLIENTS: usize = 200;
const KEYS: usize = 100;
const PAUSE: Duration = Duration::from_millis(20);

/// How long a load takes.
const TAKES: Duration = Duration::from_millis(50);

/// How long the clients work before the server is killed, and after it is back.
const STEADY: Duration = Duration::from_secs(4);
const AFTER: Duration = Duration::from_secs(3);

/// How long the server is down.
const AT_ONCE: Duration = Duration::ZERO;
const LATER: Duration = Duration::from_secs(5);

const HOUR: Duration = Duration::from_hours(1);

/// Who keeps the keys.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Row {
    /// `TypedCache::get_or_load` as it comes, with copies in each process.
    Near,
    /// The same without copies: leases of memcached decide who loads.
    Leases,
    /// The same with nobody waiting for anybody.
    Alone,
    /// `AsyncMemcache::fetch`, told to load where the server is down.
    MemcacheExp,
}

/// What a client keeps its keys with.
enum Keeper {
    Memclient(TypedCache<u64>),
    MemcacheExp(AsyncMemcache),
}

/// The origin, and what its callers are told.
struct Origin {
    loads: Mutex<Vec<Load>>,
    calls: AtomicU64,
    errors: AtomicU64,
    over: AtomicBool,
}

#[derive(Clone, Copy)]
struct Load {
    key: usize,
    at: Instant,
}

/// What came of a restart.
#[derive(Clone, Copy, Debug, Default)]
struct Figures {
    /// Calls and loads in a second while the server was down.
    calls: f64,
    loads: f64,
    /// Loads of a key after it was back.
    per_key: f64,
    most: usize,
    /// From the return of the server to the last load.
    until: Duration,
    errors: u64,
}

/// Runs all rows and prints a table of the worst of the rounds.
pub(super) fn run(options: &Options) -> Outcome<()> {
    println!(
        "\n{KEYS} hot keys that a restart loses, {CLIENTS} clients that ask for one every {PAUSE:?}; a \
         load takes {TAKES:?}"
    );
    println!("the worst of {} rounds\n", options.rounds);
    let titles = format!("{:>8} {:>6} {:>8}", "per key", "most", "until");
    println!("  {:24} │{:^24} │{:^42} │", "", "back at once", format!("back after {LATER:?}"));
    println!("  {:24} │{titles} │{:>8} {:>8} {titles} │{:>7}", "", "calls/s", "loads/s", "errors");
    println!("  {0:─<24}─┼{0:─<25}┼{0:─<43}┼{0:─<7}", "");
    for row in Row::ALL {
        let (mut at_once, mut later) = (Figures::default(), Figures::default());
        for _ in 0..options.rounds {
            at_once = at_once.or_worse(restart(row, AT_ONCE)?);
            later = later.or_worse(restart(row, LATER)?);
        }
        println!(
            "  {:24} │{at_once} │{:>8.0} {:>8.0} {later} │{:>7}",
            row.name(),
            later.calls,
            later.loads,
            at_once.errors + later.errors
        );
    }
    Ok(())
}

fn restart(row: Row, down: Duration) -> Outcome<Figures> {
    let mut server = Server::start_to_restart()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let origin = Arc::new(Origin::new());
    let mut callers = JoinSet::new();
    runtime.block_on(async {
        for number in 0..CLIENTS {
            let keeper = Keeper::open(row, server.address).await?;
            callers.spawn(ask(keeper, number, Arc::clone(&origin)));
        }
        Outcome::Ok(())
    })?;
    thread::sleep(STEADY);

    let (killed, calls) = (Instant::now(), origin.calls.load(Relaxed));
    server.kill()?;
    thread::sleep(down);
    server.restart()?;
    let (back, calls) = (Instant::now(), origin.calls.load(Relaxed) - calls);
    thread::sleep(AFTER);
    origin.over.store(true, Relaxed);
    runtime.block_on(callers.join_all());

    let loads = origin.loads();
    let down = loads.iter().filter(|load| (killed..back).contains(&load.at)).count();
    let after: Vec<&Load> = loads.iter().filter(|load| load.at >= back).collect();
    let mut of_key = [0; KEYS];
    for load in &after {
        of_key[load.key] += 1;
    }
    let seconds = (back - killed).as_secs_f64();
    Ok(Figures {
        calls: calls as f64 / seconds,
        loads: down as f64 / seconds,
        per_key: after.len() as f64 / KEYS as f64,
        most: of_key.into_iter().max().unwrap_or_default(),
        until: after.iter().map(|load| load.at - back).max().unwrap_or_default(),
        errors: origin.errors.load(Relaxed),
    })
}

/// Asks for one of the keys after the other until all is over.
async fn ask(keeper: Keeper, number: usize, origin: Arc<Origin>) {
    let mut random = Random::new(number);
    // The clients of a fleet do not walk in step.
    tokio::time::sleep(PAUSE.mul_f64(number as f64 / CLIENTS as f64)).await;
    while !origin.over.load(Relaxed) {
        let key = random.below(KEYS);
        let answer = keeper.get(key, &origin).await;
        origin.calls.fetch_add(1, Relaxed);
        if answer.is_none_or(|value| value != key as u64) {
            origin.errors.fetch_add(1, Relaxed);
        }
        tokio::time::sleep(PAUSE).await;
    }
}

impl Row {
    const ALL: [Self; 4] = [Self::Near, Self::Leases, Self::Alone, Self::MemcacheExp];

    fn name(self) -> &'static str {
        match self {
            Self::Near => "memclient",
            Self::Leases => "memclient, no near tier",
            Self::Alone => "without single flight",
            Self::MemcacheExp => "memcache-exp",
        }
    }
}

impl Keeper {
    async fn open(row: Row, server: SocketAddr) -> Outcome<Self> {
        if row == Row::MemcacheExp {
            let builder = AsyncMemcache::builder().degrade(true);
            return Ok(Self::MemcacheExp(builder.connect_async([server]).await?));
        }
        let builder = Cache::builder().backend(Client::new(server.to_string())?);
        let builder = if row == Row::Near { builder } else { builder.without_near() };
        let policy = Policy::new().ttl(HOUR).single_flight(row != Row::Alone);
        Ok(Self::Memclient(builder.build()?.typed("hot").policy(policy)))
    }

    /// Returns the value of the key, kept or loaded.
    async fn get(&self, key: usize, origin: &Arc<Origin>) -> Option<u64> {
        let load = {
            let origin = Arc::clone(origin);
            move || async move { origin.load(key).await }
        };
        match self {
            Self::Memclient(cache) => Some(cache.get_or_load(&key, load).await),
            Self::MemcacheExp(client) => {
                let load = async move { Ok::<_, Infallible>(load().await) };
                client.fetch(format!("hot:{key}"), Ttl::secs(3600), load).await.ok()
            }
        }
    }
}

impl Origin {
    fn new() -> Self {
        Self {
            loads: Mutex::default(),
            calls: AtomicU64::new(0),
            errors: AtomicU64::new(0),
            over: AtomicBool::new(false),
        }
    }

    async fn load(&self, key: usize) -> u64 {
        let load = Load { key, at: Instant::now() };
        self.loads.lock().unwrap_or_else(PoisonError::into_inner).push(load);
        tokio::time::sleep(TAKES).await;
        key as u64
    }

    fn loads(&self) -> Vec<Load> {
        self.loads.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Figures {
    fn or_worse(self, other: Self) -> Self {
        Self {
            calls: self.calls.max(other.calls),
            loads: self.loads.max(other.loads),
            per_key: self.per_key.max(other.per_key),
            most: self.most.max(other.most),
            until: self.until.max(other.until),
            errors: self.errors + other.errors,
        }
    }
}

impl std::fmt::Display for Figures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let until = format!("{:.0} ms", self.until.as_secs_f64() * 1e3);
        write!(f, "{:>8.2} {:>6} {until:>8}", self.per_key, self.most)
    }
}
