//! Measures memclient beside its peers, in one run: `cargo run --release` in this folder.
//!
//! It starts a memcached, and a Redis where one is installed, on free loopback ports and on a core
//! of their own, and runs every client under every workload on the other core, in interleaved
//! rounds. The table has medians, each beside its ratio to the best other memcached client and to
//! the best of the floors, which are bare sockets under the same workload. In `cpu`, `allocs`,
//! `p50` and `p99` less is better.

mod aging;
mod alloc;
mod contenders;
mod drive;
mod fleet;
mod floors;
mod machine;
mod measure;
mod members;
mod near;
mod options;
mod peers;
mod server;
mod storm;
mod table;
mod workload;

use std::{fs, io::Write, process::ExitCode, sync::Arc};

use crate::{
    contenders::{Contender, Setting},
    measure::Sample,
    options::{HELP, Options, Subject},
    peers::Outcome,
    server::{Kind, Server},
    table::{Section, Summary},
    workload::{Data, Workload},
};

#[global_allocator]
static ALLOCATOR: alloc::Counting = alloc::Counting;

fn main() -> ExitCode {
    let outcome = match members::arguments() {
        Some(words) => member(&words),
        None => Options::from_args().map_err(Into::into).and_then(|options| run(&options)),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Outcome<()> {
    if options.help {
        print!("{HELP}");
        return Ok(());
    }
    if cfg!(debug_assertions) {
        eprintln!("this is a debug build, its figures mean nothing: add --release");
    }
    let about_caches = match options.subject {
        Subject::Clients => None,
        Subject::Near => Some(near::run as fn(&Options) -> Outcome<()>),
        Subject::Fleet => Some(fleet::run as _),
        Subject::Stale => Some(aging::stale as _),
        Subject::Early => Some(aging::early as _),
        Subject::Storm => Some(storm::run as _),
    };
    if let Some(run) = about_caches {
        println!("{}", machine::describe(None, None));
        return run(options);
    }
    machine::raise_file_limit();
    let cores = options.pin.then(machine::pin).flatten();
    let awake = options.awake.then(machine::keep_awake).transpose()?;
    let memcached = Server::start(Kind::Memcached, cores.map(|cores| cores.server))
        .map_err(|error| format!("memcached could not be started: {error}"))?;
    let redis = if options.contenders.contains(&Contender::Redis) {
        Server::start(Kind::Redis, cores.map(|cores| cores.server))
            .inspect_err(|error| eprintln!("without Redis: {error}: is redis-server installed?"))
            .ok()
    } else {
        None
    };
    let servers = Servers { memcached, redis };
    println!("{}", machine::describe(cores, awake.as_ref()));
    println!("{}", servers.memcached.version);
    if let Some(redis) = &servers.redis {
        println!("{}", redis.version);
    }
    println!(
        "{} rounds of {:?} per cell, pools of {} connections",
        options.rounds, options.time, options.pool
    );
    let mut sections = Vec::with_capacity(options.workloads.len());
    for &workload in &options.workloads {
        let section = measure(workload, options, &servers)?;
        print!("\n{section}");
        sections.push(section);
    }
    print!("\n{}", Summary(&sections));
    if let Some(file) = &options.json {
        fs::write(file, table::json(&sections))?;
    }
    Ok(())
}

/// Runs as one of several processes that another one has started.
fn member(words: &[String]) -> Outcome<()> {
    let (role, words) = words.split_first().ok_or("a member without a role")?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        match &**role {
            "crowd" => fleet::member(words).await,
            "hot" => aging::member(words).await,
            _ => Err(format!("there is no role {role}").into()),
        }
    })?;
    // The thread that listens is not to keep the process.
    std::process::exit(0)
}

struct Servers {
    memcached: Server,
    redis: Option<Server>,
}

impl Servers {
    fn of(&self, contender: Contender) -> Option<&Server> {
        match contender.server() {
            Kind::Memcached => Some(&self.memcached),
            Kind::Redis => self.redis.as_ref(),
        }
    }
}

/// Measures all clients under one workload, round by round, and returns the medians.
fn measure(workload: Workload, options: &Options, servers: &Servers) -> Outcome<Section> {
    let data = Arc::new(Data::new(workload.size));
    let setting = Setting { time: options.time, pool: options.pool };
    servers.memcached.fill(&data)?;
    if let Some(redis) = &servers.redis {
        redis.fill(&data)?;
    }
    let mut rows: Vec<(Contender, Vec<Sample>)> = options
        .contenders
        .iter()
        .filter(|contender| contender.applies(workload) && servers.of(**contender).is_some())
        .map(|&contender| (contender, Vec::with_capacity(options.rounds)))
        .collect();
    for round in 0..options.rounds {
        // Each round begins with another client, so that none always follows the same one.
        for place in 0..rows.len() {
            let count = rows.len();
            let (contender, samples) = &mut rows[(place + round) % count];
            let Some(server) = servers.of(*contender) else { continue };
            progress(workload, round, options.rounds, contender.name());
            let sample = contender.run(server.address, workload, &data, &setting);
            samples.push(sample.unwrap_or_else(|error| Sample {
                errors: 1,
                error: Some(error.to_string()),
                ..Sample::default()
            }));
        }
    }
    let medians = rows.into_iter().map(|(row, samples)| (row, measure::median(&samples)));
    Ok(Section { workload, rows: medians.collect() })
}

fn progress(workload: Workload, round: usize, rounds: usize, client: &str) {
    use std::io::{IsTerminal, stderr};
    let mut stderr = stderr();
    if stderr.is_terminal() {
        // Only a courtesy: a terminal that is gone is no reason to end.
        let _ = write!(stderr, "\r\x1b[K{workload}, round {}/{rounds}: {client}\r", round + 1);
        let _ = stderr.flush();
    }
}
