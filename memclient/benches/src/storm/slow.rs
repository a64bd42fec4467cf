//! One slow node of three: what those callers notice who do not want anything of it.
//!
//! The third memcached of the client stands behind a proxy that keeps back each answer for 100 ms,
//! without keeping answers from following one another. 64 tasks of one client get keys of the other
//! two, first alone, then beside 64 tasks of the same client that get keys of the slow one; at last
//! the 64 tasks get any keys, as a service that does not choose its keys would.

use std::{net::SocketAddr, sync::Arc, thread, time::Duration};

use memclient::Client;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, tcp::OwnedReadHalf, tcp::OwnedWriteHalf},
    runtime::{Builder, Runtime},
    sync::mpsc,
    task::JoinSet,
    time::{Instant, sleep_until},
};

use crate::{
    measure::{self, Meter, Sample},
    options::Options,
    peers::{Outcome, TTL_SECONDS},
    server::{Kind, Server},
    workload::{Data, Random, SMALL},
};

const TASKS: usize = 64;
const DELAY: Duration = Duration::from_millis(100);

/// Who asks for what.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Case {
    Alone,
    Beside,
    Any,
}

/// Keys that hold values, by the node they live on.
struct Keys {
    fast: Vec<String>,
    slow: Vec<String>,
}

/// What the tasks of a case report to: of keys on fast nodes, and of those on the slow one.
struct Meters {
    fast: Meter,
    slow: Meter,
}

impl Case {
    const ALL: [Self; 3] = [Self::Alone, Self::Beside, Self::Any];

    fn name(self) -> String {
        match self {
            Self::Alone => format!("{TASKS} tasks, keys of the fast nodes"),
            Self::Beside => format!("beside {TASKS} tasks, keys of the slow node"),
            Self::Any => format!("{TASKS} tasks, any keys"),
        }
    }
}

/// Runs all cases in interleaved rounds and prints a table of the medians.
pub(super) fn run(options: &Options) -> Outcome<()> {
    println!("\nthree memcached of one client, one of which answers after {DELAY:?}");
    println!("the medians of {} rounds of {:?}\n", options.rounds, options.time);
    let titles = format!("{:>9} {:>9} {:>9}", "k ops/s", "p50 ms", "p99 ms");
    println!("  {:40} │{:^29} │{:^29} │", "", "keys of the fast nodes", "keys of the slow node");
    println!("  {:40} │{titles} │{titles} │{:>7}", "", "errors");
    println!("  {0:─<40}─┼{0:─<30}┼{0:─<30}┼{0:─<7}", "");

    let servers = (0..3).map(|_| Server::start(Kind::Memcached, None));
    let servers: Vec<Server> = servers.collect::<Result<_, _>>()?;
    let [one, two, three] = &servers[..] else { return Ok(()) };
    let delaying = runtime()?;
    let slow = delaying.block_on(TcpListener::bind("127.0.0.1:0"))?;
    let nodes = [one.address, two.address, slow.local_addr()?];
    delaying.spawn(delay_all(slow, three.address));
    let keys = Arc::new(runtime()?.block_on(Keys::fill(nodes, three.address))?);

    let mut rounds = Case::ALL.map(|case| (case, Vec::new(), Vec::new()));
    for _ in 0..options.rounds {
        for (case, fast, slow) in &mut rounds {
            let [of_fast, of_slow] = measure(*case, nodes, &keys, options.time)?;
            fast.push(of_fast);
            slow.push(of_slow);
        }
    }
    for (case, fast, slow) in rounds {
        let (fast, slow) = (measure::median(&fast), measure::median(&slow));
        let errors = fast.errors + slow.errors;
        println!("  {:40} │{} │{} │{errors:>7}", case.name(), Figures(&fast), Figures(&slow));
        if let Some(error) = fast.error.or(slow.error) {
            println!("  the first error: {error}");
        }
    }
    Ok(())
}

fn measure(
    case: Case,
    nodes: [SocketAddr; 3],
    keys: &Arc<Keys>,
    time: Duration,
) -> Outcome<[Sample; 2]> {
    let runtime = runtime()?;
    let meters = Arc::new(Meters { fast: Meter::new(), slow: Meter::new() });
    let client = client(nodes)?;
    // The first call waits for its connection to say hello, which a slow node answers slowly too.
    runtime.block_on(async {
        for key in keys.fast.iter().chain(&keys.slow).step_by(500) {
            client.get(key).await?;
        }
        Outcome::Ok(())
    })?;
    let mut tasks = JoinSet::new();
    let mut start = |fast, slow| {
        for seed in 0..TASKS {
            let random = Random::new(seed);
            let (client, keys) = (client.clone(), Arc::clone(keys));
            let task = ask(client, keys, fast, slow, random, Arc::clone(&meters));
            tasks.spawn_on(task, runtime.handle());
        }
    };
    match case {
        Case::Alone => start(true, false),
        Case::Beside => {
            start(true, false);
            start(false, true);
        }
        Case::Any => start(true, true),
    }
    let samples = thread::scope(|scope| {
        let slow = scope.spawn(|| meters.slow.observe(time));
        let fast = meters.fast.observe(time);
        slow.join().map(|slow| [fast, slow])
    });
    runtime.block_on(tasks.join_all());
    let [fast, slow] = samples.map_err(|_| "a meter has panicked")?;
    Ok([meters.fast.finish(fast), meters.slow.finish(slow)])
}

/// Gets keys of the named kinds until the time is over.
async fn ask(
    client: Client,
    keys: Arc<Keys>,
    fast: bool,
    slow: bool,
    mut random: Random,
    meters: Arc<Meters>,
) {
    let fast = if fast { &keys.fast[..] } else { &[] };
    let slow = if slow { &keys.slow[..] } else { &[] };
    while !meters.fast.is_over() || !meters.slow.is_over() {
        let place = random.below(fast.len() + slow.len());
        let (key, meter) = match place.checked_sub(fast.len()) {
            None => (&fast[place], &meters.fast),
            Some(place) => (&slow[place], &meters.slow),
        };
        let began = Instant::now();
        match client.get(key).await {
            Ok(Some(_)) => {
                meter.record(began.elapsed());
            }
            Ok(None) => meter.fail(&"a key that was stored is missing"),
            Err(error) => meter.fail(&error),
        }
    }
}

fn client(nodes: [SocketAddr; 3]) -> Outcome<Client> {
    Ok(Client::builder().servers(nodes.map(|node| node.to_string())).build()?)
}

fn runtime() -> Outcome<Runtime> {
    Ok(Builder::new_multi_thread().worker_threads(1).enable_all().build()?)
}

impl Keys {
    /// Stores values by way of the client, and looks which of them the slow server has got.
    async fn fill(nodes: [SocketAddr; 3], slow: SocketAddr) -> Outcome<Self> {
        let data = Data::new(SMALL);
        let (client, server) = (client(nodes)?, Client::new(slow.to_string())?);
        let (mut fast, mut slow) = (Vec::new(), Vec::new());
        let ttl = Duration::from_secs(TTL_SECONDS.into());
        for keys in data.read.chunks(1000) {
            let items = keys.iter().map(|key| (key, data.value.clone()));
            for outcome in client.set_many(items, ttl).await {
                let _stored = outcome?;
            }
            for (key, found) in keys.iter().zip(server.get_many(keys).await) {
                let of_node = if found?.is_some() { &mut slow } else { &mut fast };
                of_node.push(key.clone());
            }
        }
        Ok(Self { fast, slow })
    }
}

/// Takes connections for the server, and keeps back its answers on each.
async fn delay_all(listener: TcpListener, server: SocketAddr) {
    let mut open = JoinSet::new();
    while let Ok((near, _)) = listener.accept().await {
        open.spawn(async move {
            let Ok(far) = TcpStream::connect(server).await else { return };
            if near.set_nodelay(true).is_err() || far.set_nodelay(true).is_err() {
                return;
            }
            let ((from_client, to_client), (from_server, to_server)) =
                (near.into_split(), far.into_split());
            tokio::join!(
                relay(from_client, to_server, Duration::ZERO),
                relay(from_server, to_client, DELAY),
            );
        });
    }
}

/// Hands on what comes, each piece so long after it came: one that waits keeps none from coming.
async fn relay(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, delay: Duration) {
    let (put, mut take) = mpsc::unbounded_channel::<(Instant, Vec<u8>)>();
    let read = async move {
        let mut buffer = vec![0; 64 << 10];
        while let Ok(length @ 1..) = from.read(&mut buffer).await {
            if put.send((Instant::now() + delay, buffer[..length].to_vec())).is_err() {
                return;
            }
        }
    };
    let write = async move {
        while let Some((due, bytes)) = take.recv().await {
            sleep_until(due).await;
            if to.write_all(&bytes).await.is_err() {
                return;
            }
        }
    };
    tokio::join!(read, write);
}

/// The figures of a kind of keys, dashes where nobody asked for any.
struct Figures<'a>(&'a Sample);

impl std::fmt::Display for Figures<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Sample { rate, p50: Some(p50), p99: Some(p99), .. } => {
                write!(f, "{:>9.2} {:>9.3} {:>9.3}", rate / 1e3, p50 / 1e3, p99 / 1e3)
            }
            _ => write!(f, "{0:>9} {0:>9} {0:>9}", "–"),
        }
    }
}
