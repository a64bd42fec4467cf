//! How soon callers are answered from a stale value, whatever its loader does.

use std::{
    future::pending,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use memclient::{Cache, Client, Policy, TypedCache};
use tokio::{
    task::JoinSet,
    time::{sleep, timeout},
};

use crate::{
    options::Options,
    peers::Outcome,
    server::{Kind, Server},
};

const CALLERS: usize = 64;
const HOUR: Duration = Duration::from_hours(1);

/// How long a stale value is left alone after a refresh that failed.
const THROTTLE: Duration = Duration::from_secs(1);

/// After this a refresh in the background is given up.
const GIVEN_UP: Duration = Duration::from_millis(500);

/// How long a caller waits for its own loader.
const PATIENCE: Duration = Duration::from_millis(2);

/// What a loader does.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Loader {
    Hangs,
    Fails,
    Takes5s,
}

impl Loader {
    /// How long it is driven: longer than it takes, if it ends at all.
    fn length(self) -> Duration {
        Duration::from_secs(if self == Self::Takes5s { 6 } else { 3 })
    }
}

/// How the callers ask.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Way {
    Background,
    SoftTimeout,
}

/// Drives all cases and prints a table.
pub(crate) fn run(_: &Options) -> Outcome<()> {
    println!(
        "a stale value, {CALLERS} callers that ask again and again; after a failure it is left \
         alone for {THROTTLE:?}\n"
    );
    println!(
        "  {:44} {:9} │{:>9} {:>9} {:>9} {:>9} {:>9} │{:>9} {:>9}",
        "the call",
        "loader",
        "answers",
        "p50 ms",
        "p99 ms",
        "max ms",
        "over 5 ms",
        "loads",
        "at most"
    );
    println!("  {0:─<54}─┼{0:─<50}┼{0:─<20}", "");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    for near in [true, false] {
        for way in [Way::Background, Way::SoftTimeout] {
            for loader in [Loader::Hangs, Loader::Fails, Loader::Takes5s] {
                println!("{}", runtime.block_on(case(near, way, loader))?);
            }
        }
    }
    Ok(())
}

async fn case(near: bool, way: Way, loader: Loader) -> Outcome<String> {
    let server = Server::start(Kind::Memcached, None)?;
    let client = Client::builder().server(server.address.to_string()).build()?;
    let builder = Cache::builder().backend(client);
    let builder = if near { builder } else { builder.without_near() };
    let rates = builder.build()?.typed::<u64>("rate");
    rates.clone().ttl(HOUR).put("EUR", &1).await?;
    // What lives on for an hour is stale to this one, and what it stores itself is not.
    let policy = Policy::new().ttl(3 * HOUR).grace(2 * HOUR).throttle(THROTTLE);
    let policy = match way {
        // A loader that only takes long is to bring its value.
        Way::Background if loader == Loader::Takes5s => policy,
        Way::Background => policy.timeout(GIVEN_UP),
        Way::SoftTimeout => policy.soft_timeout(PATIENCE),
    };
    let stale = rates.policy(policy);
    let loads = Arc::new(AtomicUsize::new(0));
    let mut callers = JoinSet::new();
    for _ in 0..CALLERS {
        callers.spawn(drive(stale.clone(), way, loader, Arc::clone(&loads)));
    }
    let mut times: Vec<Duration> = callers.join_all().await.into_iter().flatten().collect();
    times.sort_unstable();
    let at = |share: f64| {
        let place = (times.len() as f64 * share) as usize;
        times.get(place.min(times.len() - 1)).copied().unwrap_or_default().as_secs_f64() * 1e3
    };
    let tier = if near { "near" } else { "memcached" };
    let call = match way {
        Way::Background => "get_or_load_in_background",
        Way::SoftTimeout => "get_or_load, soft timeout 2ms",
    };
    Ok(format!(
        "  {:44} {:9} │{:>9} {:>9.3} {:>9.3} {:>9.3} {:>9} │{:>9} {:>9}",
        format!("{call}, {tier}"),
        format!("{loader:?}").to_lowercase(),
        times.len(),
        at(0.5),
        at(0.99),
        at(1.0),
        times.iter().filter(|time| **time > Duration::from_millis(5)).count(),
        loads.load(Relaxed),
        most_loads(way, loader),
    ))
}

/// How many loads the throttle and the time limits allow.
fn most_loads(way: Way, loader: Loader) -> usize {
    let each = match (way, loader) {
        (Way::Background, Loader::Takes5s) => return 1,
        (Way::Background, Loader::Hangs) => THROTTLE + GIVEN_UP,
        (_, Loader::Fails) => THROTTLE,
        (Way::SoftTimeout, Loader::Hangs | Loader::Takes5s) => THROTTLE + PATIENCE,
    };
    (loader.length().as_millis() / each.as_millis()) as usize + 1
}

/// Asks until the time is over; returns how long each answer took.
async fn drive(
    stale: TypedCache<u64>,
    way: Way,
    loader: Loader,
    loads: Arc<AtomicUsize>,
) -> Vec<Duration> {
    let (began, mut times) = (Instant::now(), Vec::new());
    while began.elapsed() < loader.length() {
        let loads = Arc::clone(&loads);
        let load = move || async move {
            loads.fetch_add(1, Relaxed);
            match loader {
                Loader::Hangs => pending().await,
                Loader::Fails => Err("down"),
                Loader::Takes5s => {
                    sleep(Duration::from_secs(5)).await;
                    Ok(2)
                }
            }
        };
        let asked = Instant::now();
        let answer = match way {
            Way::Background => {
                timeout(loader.length(), stale.get_or_load_in_background("EUR", load)).await
            }
            Way::SoftTimeout => timeout(loader.length(), stale.get_or_load("EUR", load)).await,
        };
        if let Ok(Ok(1 | 2)) = answer {
            times.push(asked.elapsed());
        } else {
            eprintln!("{way:?}, {loader:?}: answered {answer:?}");
        }
        sleep(Duration::from_millis(1)).await;
    }
    times
}
