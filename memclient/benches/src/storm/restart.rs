//! A memcached that is killed, and started again on its port after five seconds, with 200 clients
//! that will not believe it.
//!
//! Each client is one of its own, with its own connections, as 200 instances of a service would have
//! it, and one task that sets and gets in turn with 10 ms between two calls. `dials/s` is per client,
//! `dials` for all of them; `back` is the time from the first dial that the server accepts again.
//! Clients that fail fast have more errors than those that keep their callers waiting: errors while
//! the server is down are the number of calls that a caller got through meanwhile, `after` are those
//! that it should not have had.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};

use memcache::exp::AsyncMetaClient;
use memclient::Client;
use tokio::{runtime::Handle, task::JoinSet};

use super::{
    dials::Dials,
    rows::{Instance, LIMIT, Redialed},
};
use crate::{
    options::Options,
    peers::{
        Outcome, async_memcached::AsyncMemcached, deadpool_memcached::DeadpoolMemcached, mtop::Mtop,
    },
    server::Server,
};

const CLIENTS: usize = 200;
const PAUSE: Duration = Duration::from_millis(10);

/// How long the clients work before the server is killed, how long it is down, and how long they
/// work after that.
const STEADY: Duration = Duration::from_secs(1);
const DOWN: Duration = Duration::from_secs(5);
const AFTER: Duration = Duration::from_secs(4);

/// How long calls may take to end once all is over; those that do not have hung.
const PATIENCE: Duration = Duration::from_secs(3);

/// What came of a restart.
#[derive(Clone, Debug, Default)]
struct Figures {
    /// Dials in a second of each client while the server was down.
    dial_rate: f64,
    dials: u64,
    refused: u64,
    /// Dials in the first second after it was back.
    dials_back: u64,
    /// From the return of the server to the first call that went well, and to the moment at which
    /// that could be said of every client; `None` where a client did not come back.
    first: Option<Duration>,
    all: Option<Duration>,
    /// Errors of a client while the server was down.
    median_errors: u64,
    most_errors: u64,
    /// Errors of all clients after it was back.
    errors_after: u64,
    hung: u64,
    slowest: Duration,
}

/// What a client has seen.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    errors: u64,
    errors_after: u64,
    /// The end of the first good call after the last bad one of the time when the server was down.
    recovered: Option<Instant>,
    hung: u64,
    slowest: Duration,
}

/// What the clients are told.
#[derive(Default)]
struct Signals {
    back: OnceLock<Instant>,
    over: AtomicBool,
}

/// Runs all rows and prints a table of the worst of the rounds.
pub(super) fn run(options: &Options) -> Outcome<()> {
    let before = Dials::now()?;
    thread::sleep(STEADY);
    let others = Dials::now()?.since(before);
    println!(
        "\na memcached that is killed and back after {DOWN:?}, {CLIENTS} clients of a task each with \
         {PAUSE:?} between calls, which may take {LIMIT:?}"
    );
    println!(
        "the worst of {} rounds; in the second before, others dialed {} times\n",
        options.rounds, others.all
    );
    println!(
        "  {:27} │{:^26} │{:^27} │{:^23} │{:^15}",
        "", "while down", "back", "errors", "calls"
    );
    println!(
        "  {:27} │{:>8} {:>8} {:>8} │{:>8} {:>8} {:>9} │{:>7} {:>7} {:>7} │{:>6} {:>8}",
        "",
        "dials/s",
        "dials",
        "refused",
        "dials",
        "first ms",
        "all ms",
        "median",
        "most",
        "after",
        "hung",
        "slowest"
    );
    println!("  {0:─<27}─┼{0:─<27}┼{0:─<28}┼{0:─<24}┼{0:─<16}", "");
    row::<Client>(options)?;
    row::<AsyncMetaClient>(options)?;
    row::<memcache::Client>(options)?;
    row::<Redialed>(options)?;
    row::<AsyncMemcached>(options)?;
    row::<DeadpoolMemcached>(options)?;
    row::<Mtop>(options)
}

fn row<I: Instance>(options: &Options) -> Outcome<()> {
    let mut worst: Option<Figures> = None;
    for _ in 0..options.rounds {
        let figures = restart::<I>()?;
        worst = Some(match worst {
            Some(worst) => worst.or_worse(&figures),
            None => figures,
        });
    }
    let Some(worst) = worst else { return Ok(()) };
    let millis = |time: Option<Duration>| {
        time.map_or("never".to_owned(), |time| format!("{:.0}", time.as_secs_f64() * 1e3))
    };
    println!(
        "  {:27} │{:>8.1} {:>8} {:>8} │{:>8} {:>8} {:>9} │{:>7} {:>7} {:>7} │{:>6} {:>8}",
        I::NAME,
        worst.dial_rate,
        worst.dials,
        worst.refused,
        worst.dials_back,
        millis(worst.first),
        millis(worst.all),
        worst.median_errors,
        worst.most_errors,
        worst.errors_after,
        worst.hung,
        format!("{:.0} ms", worst.slowest.as_secs_f64() * 1e3),
    );
    Ok(())
}

fn restart<I: Instance>() -> Outcome<Figures> {
    let mut server = Server::start_to_restart()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let signals = Arc::new(Signals::default());
    let mut clients = JoinSet::new();
    let handle = runtime.handle();
    runtime.block_on(async {
        for number in 0..CLIENTS {
            let instance = I::open(server.address).await?;
            let client = drive(instance, number, Arc::clone(&signals));
            start::<I>(&mut clients, client, handle);
        }
        Outcome::Ok(())
    })?;
    thread::sleep(STEADY);

    let before = Dials::now()?;
    let killed = Instant::now();
    server.kill()?;
    thread::sleep(DOWN);
    let ours = server.restart()?;
    let back = *signals.back.get_or_init(Instant::now);
    let at_back = Dials::now()?;
    let down = at_back.since(before);
    thread::sleep(Duration::from_secs(1));
    let dials_back = Dials::now()?.since(at_back).all;
    thread::sleep(AFTER.saturating_sub(back.elapsed()));
    signals.over.store(true, Relaxed);

    let seen = runtime.block_on(async {
        let mut seen = Vec::with_capacity(CLIENTS);
        let all = async {
            while let Some(client) = clients.join_next().await {
                seen.extend(client.ok());
            }
        };
        // Who is not there by then is counted as hung.
        let _ = tokio::time::timeout(PATIENCE, all).await;
        seen
    });
    runtime.shutdown_background();
    let dials = down.all.saturating_sub(ours);
    Ok(Figures {
        dial_rate: dials as f64 / (back - killed).as_secs_f64() / CLIENTS as f64,
        dials,
        // The last one of ours was accepted.
        refused: down.refused.saturating_sub(ours - 1),
        dials_back,
        ..Figures::of(&seen, back)
    })
}

fn start<I: Instance>(
    clients: &mut JoinSet<Seen>,
    client: impl Future<Output = Seen> + Send + 'static,
    handle: &Handle,
) {
    if I::BLOCKS {
        let inner = handle.clone();
        clients.spawn_blocking_on(move || inner.block_on(client), handle);
    } else {
        clients.spawn_on(client, handle);
    }
}

/// Sets and gets until all is over.
async fn drive<I: Instance>(mut instance: I, number: usize, signals: Arc<Signals>) -> Seen {
    let key = format!("client:{number}");
    // The clients of a fleet do not walk in step.
    tokio::time::sleep(PAUSE.mul_f64(number as f64 / CLIENTS as f64)).await;
    let (mut seen, mut writes) = (Seen::default(), true);
    while !signals.over.load(Relaxed) {
        let began = Instant::now();
        let outcome = if writes { instance.set(&key).await } else { instance.get(&key).await };
        let took = began.elapsed();
        seen.note(outcome.is_ok(), took, signals.back.get().copied());
        // Whoever comes back to an empty server has to write first.
        writes = outcome.is_err() || !writes;
        tokio::time::sleep(PAUSE).await;
    }
    seen
}

impl Seen {
    fn note(&mut self, good: bool, took: Duration, back: Option<Instant>) {
        self.slowest = self.slowest.max(took);
        self.hung += u64::from(took > 2 * LIMIT);
        match (good, back) {
            (true, _) if self.errors + self.errors_after == 0 => {}
            (true, _) => {
                self.recovered.get_or_insert_with(Instant::now);
            }
            (false, None) => {
                self.errors += 1;
                // What went well in between was still answered by the server that was killed.
                self.recovered = None;
            }
            (false, Some(_)) => self.errors_after += 1,
        }
    }
}

impl Figures {
    fn of(seen: &[Seen], back: Instant) -> Self {
        let mut errors: Vec<u64> = seen.iter().map(|seen| seen.errors).collect();
        errors.sort_unstable();
        let since = |at: Instant| at.saturating_duration_since(back);
        let recovered: Vec<Duration> =
            seen.iter().filter_map(|seen| seen.recovered.map(since)).collect();
        let complete = recovered.len() == CLIENTS;
        Self {
            first: recovered.iter().min().copied(),
            all: recovered.iter().max().copied().filter(|_| complete),
            median_errors: errors.get(errors.len() / 2).copied().unwrap_or_default(),
            most_errors: errors.last().copied().unwrap_or_default(),
            errors_after: seen.iter().map(|seen| seen.errors_after).sum(),
            hung: seen.iter().map(|seen| seen.hung).sum::<u64>() + (CLIENTS - seen.len()) as u64,
            slowest: seen.iter().map(|seen| seen.slowest).max().unwrap_or_default(),
            ..Self::default()
        }
    }

    fn or_worse(self, other: &Self) -> Self {
        let later = |one: Option<Duration>, other: Option<Duration>| Some(one?.max(other?));
        Self {
            dial_rate: self.dial_rate.max(other.dial_rate),
            dials: self.dials.max(other.dials),
            refused: self.refused.max(other.refused),
            dials_back: self.dials_back.max(other.dials_back),
            first: later(self.first, other.first),
            all: later(self.all, other.all),
            median_errors: self.median_errors.max(other.median_errors),
            most_errors: self.most_errors.max(other.most_errors),
            errors_after: self.errors_after.max(other.errors_after),
            hung: self.hung.max(other.hung),
            slowest: self.slowest.max(other.slowest),
        }
    }
}
