//! Runs one client under one workload: its runtime or threads, its tasks, its meter.
//!
//! Each cell has a new client on a new runtime with one worker thread, so that no cell inherits
//! connections or buffers from another.

use std::{
    net::SocketAddr,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use tokio::{
    runtime::{Builder, Runtime},
    task::JoinHandle,
};

use crate::{
    contenders::Setting,
    floors::{Pipeline, Style},
    measure::{Meter, Sample},
    peers::{Contender, Found, Outcome, memcache::Memcache},
    workload::{BATCH, Data, Operation, Random, Workload},
};

/// How long a cell may take to end once it is over.
const PATIENCE: Duration = Duration::from_secs(5);

/// Runs a client that many tasks use.
pub(crate) fn tasks<C: Contender>(
    server: SocketAddr,
    workload: Workload,
    data: &Arc<Data>,
    setting: &Setting,
) -> Outcome<Sample> {
    let runtime = runtime()?;
    let meter = Arc::new(Meter::new());
    let client = runtime.block_on(C::open(server, setting.pool))?;
    let shares = runtime.block_on(async {
        let mut shares = Vec::with_capacity(workload.tasks);
        for _ in 0..workload.tasks {
            shares.push(client.share().await?);
        }
        Outcome::Ok(shares)
    })?;
    let tasks = shares.into_iter().enumerate().map(|(seed, client)| {
        let task = task(client, workload.operation, Arc::clone(data), Arc::clone(&meter), seed);
        runtime.spawn(task)
    });
    let tasks = tasks.collect();
    let sample = meter.observe(setting.time);
    join(runtime, tasks, &meter, client);
    Ok(meter.finish(sample))
}

/// Runs the classic client, which blocks.
pub(crate) fn threads(
    server: SocketAddr,
    workload: Workload,
    data: &Arc<Data>,
    setting: &Setting,
) -> Outcome<Sample> {
    let meter = Meter::new();
    let client = Memcache::open(server, workload.tasks)?;
    let sample = thread::scope(|scope| {
        for seed in 0..workload.tasks {
            let (client, meter) = (client.clone(), &meter);
            scope.spawn(move || thread(&client, workload.operation, data, meter, seed));
        }
        meter.observe(setting.time)
    });
    Ok(meter.finish(sample))
}

/// Runs a pipelined loop.
pub(crate) fn pipeline(
    server: SocketAddr,
    style: Style,
    workload: Workload,
    data: &Arc<Data>,
    setting: &Setting,
) -> Outcome<Sample> {
    let runtime = runtime()?;
    let meter = Arc::new(Meter::new());
    let pipeline = runtime.block_on(Pipeline::open(server, style, workload, Arc::clone(data)))?;
    let task = runtime.spawn({
        let meter = Arc::clone(&meter);
        async move {
            if let Err(error) = pipeline.run(&meter).await {
                meter.fail(&error);
            }
        }
    });
    let sample = meter.observe(setting.time);
    join(runtime, vec![task], &meter, ());
    Ok(meter.finish(sample))
}

fn runtime() -> Outcome<Runtime> {
    Ok(Builder::new_multi_thread().worker_threads(1).enable_all().build()?)
}

/// Waits for the end of the tasks and ends the runtime; a task that does not end is an error of the
/// cell.
///
/// Asks from outside: a client that spins would keep a timer of the runtime from running.
fn join<C>(runtime: Runtime, tasks: Vec<JoinHandle<()>>, meter: &Meter, client: C) {
    let end = Instant::now() + PATIENCE;
    for task in tasks {
        while !task.is_finished() && Instant::now() < end {
            thread::sleep(Duration::from_millis(1));
        }
        if !task.is_finished() {
            meter.fail(&"a task did not end; it may disturb what follows");
        } else if let Err(error) = runtime.block_on(task) {
            meter.fail(&error);
        }
    }
    let inside = runtime.enter();
    drop(client);
    drop(inside);
    runtime.shutdown_timeout(PATIENCE);
}

/// What each task does until the meter says that it is over.
async fn task(
    mut client: impl Contender,
    operation: Operation,
    data: Arc<Data>,
    meter: Arc<Meter>,
    seed: usize,
) {
    let (mut random, mut turn, mut start) = (Random::new(seed), seed, Instant::now());
    let mut starved = true;
    while !meter.is_over() {
        turn += 1;
        let outcome = match operation {
            Operation::Mix if turn % 10 == 0 => {
                client.set(data.writable(&mut random), &data.value).await
            }
            Operation::Set => client.set(data.writable(&mut random), &data.value).await,
            Operation::Get | Operation::Mix => {
                let length = client.get(data.readable(&mut random)).await;
                length.and_then(|length| check(length, &data))
            }
            Operation::GetMany => {
                let found = client.get_many(data.batch(&mut random)).await;
                found.and_then(|found| check_batch(found, &data))
            }
        };
        // The end of one operation is the start of the next: one look at the clock for each.
        let end = Instant::now();
        match outcome {
            Ok(()) => starved &= !meter.record(end - start),
            Err(error) => {
                meter.fail(&error);
                // A client that fails at once leaves the core to the others.
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
        start = end;
    }
    if starved {
        meter.starve();
    }
}

/// What each thread does until the meter says that it is over: the same, blocking.
fn thread(client: &Memcache, operation: Operation, data: &Data, meter: &Meter, seed: usize) {
    let (mut random, mut turn, mut start) = (Random::new(seed), seed, Instant::now());
    let mut starved = true;
    while !meter.is_over() {
        turn += 1;
        let outcome = match operation {
            Operation::Mix if turn % 10 == 0 => client.set(data.writable(&mut random), &data.value),
            Operation::Set => client.set(data.writable(&mut random), &data.value),
            Operation::Get | Operation::Mix => {
                client.get(data.readable(&mut random)).and_then(|length| check(length, data))
            }
            Operation::GetMany => {
                client.get_many(data.batch(&mut random)).and_then(|found| check_batch(found, data))
            }
        };
        let end = Instant::now();
        match outcome {
            Ok(()) => starved &= !meter.record(end - start),
            Err(error) => {
                meter.fail(&error);
                thread::sleep(Duration::from_millis(1));
            }
        }
        start = end;
    }
    if starved {
        meter.starve();
    }
}

fn check(length: usize, data: &Data) -> Outcome<()> {
    if length == data.value.len() {
        return Ok(());
    }
    Err(format!("a value of {} bytes came back with {length}", data.value.len()).into())
}

fn check_batch(found: Found, data: &Data) -> Outcome<()> {
    if found == (Found { values: BATCH, bytes: BATCH * data.value.len() }) {
        return Ok(());
    }
    Err(format!("a batch came back with {} values, {} bytes", found.values, found.bytes).into())
}
