//! Hits in memcached: the typed cache without a near tier beside the bare client.

use std::sync::Arc;

use crate::{
    contenders::Setting,
    drive, machine,
    measure::{Sample, median},
    options::Options,
    peers::{Outcome, memclient::Memclient, typed_cache::Typed},
    server::{Kind, Server},
    workload::{Data, SMALL, Workload},
};

/// Measures both at 1 and 64 tasks, in interleaved rounds, and prints them.
pub(super) fn run(options: &Options) -> Outcome<()> {
    let cores = options.pin.then(machine::pin).flatten();
    let server = Server::start(Kind::Memcached, cores.map(|cores| cores.server))?;
    let data = Arc::new(Data::new(SMALL));
    server.fill(&data)?;
    let setting = Setting { time: options.time, pool: options.pool };
    for text in ["get@1", "get@64"] {
        let workload = Workload::parse(text, SMALL)?;
        let (mut bare, mut typed) = (Vec::new(), Vec::new());
        for _ in 0..options.rounds {
            let client = drive::tasks::<Memclient>(server.address, workload, &data, &setting)?;
            bare.push(client);
            typed.push(drive::tasks::<Typed>(server.address, workload, &data, &setting)?);
        }
        let (bare, typed) = (median(&bare), median(&typed));
        println!("\nfar hits, {text}: {}", server.version);
        print(&bare, "Client::get", &bare);
        print(&typed, "TypedCache::get", &bare);
    }
    Ok(())
}

fn print(row: &Sample, name: &str, bare: &Sample) {
    println!(
        "  {name:16} {:>8.1} k ops/s, {:.2} of the client; cpu {:.2} µs; {:.2} allocations; \
         {} errors",
        row.rate / 1e3,
        row.rate / bare.rate,
        row.cpu,
        row.allocations,
        row.errors,
    );
}
