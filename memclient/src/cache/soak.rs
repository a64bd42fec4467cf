//! Whatever becomes of its callers, the engine keeps nothing of them.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{runtime::Handle, task::JoinSet, time::timeout};

use super::{Cache, Policy, TypedCache};
use crate::backend::MokaBackend;

const TASKS: u64 = 64;
const KEYS: u64 = 512;

/// Returns how many calls to make: a million with `MEMCLIENT_LONG=1`.
fn calls() -> u64 {
    if std::env::var_os("MEMCLIENT_LONG").is_some() { 1_000_000 } else { 40_000 }
}

/// One call, which fails, panics, hangs until it is dropped, or brings something.
async fn call(handle: &TypedCache<u64>, fate: u64, key: u64) {
    let load = move || async move {
        tokio::task::yield_now().await;
        match fate % 8 {
            0 => Err("down"),
            1 => panic!("the loader panics"),
            2 => std::future::pending().await,
            _ => Ok(key),
        }
    };
    match fate % 11 {
        0 => drop(handle.invalidate(&key).await),
        1 => drop(handle.lease(&key).await),
        2 => drop(handle.try_get_or_load(&key, load).await),
        3 => drop(handle.get_or_load_in_background(&key, load).await),
        4 => {
            let many =
                |keys: Vec<u64>| async move { keys.into_iter().map(|key| (key, key)).collect() };
            let _: std::collections::HashMap<u64, u64> =
                handle.get_or_load_many([key, key + 1, key + 2], many).await;
        }
        _ => drop(handle.get_or_load(&key, load).await),
    }
}

fn resident() -> usize {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = pages.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok());
    pages.unwrap_or_default() * 4096
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_calls_of_every_fate_nothing_is_left() {
    // A hundred thousand panics are not to be read.
    std::panic::set_hook(Box::new(|_| {}));
    let backend = MokaBackend::builder().max_bytes(1 << 20).build();
    let cache = Cache::builder().backend(backend).without_near().build().unwrap();
    let policy = Policy::new()
        .ttl(Duration::from_millis(20))
        .grace(Duration::from_millis(20))
        .throttle(Duration::from_millis(1))
        .timeout(Duration::from_millis(5));
    let handle = cache.typed::<u64>("soak").policy(policy);
    let (done, all) = (Arc::new(AtomicUsize::new(0)), calls());
    let mut warm = 0;
    for round in 0..4 {
        let mut tasks = JoinSet::new();
        for task in 0..TASKS {
            let (handle, done) = (handle.clone(), Arc::clone(&done));
            tasks.spawn(async move {
                let mut seeded = fastrand::Rng::with_seed(round * TASKS + task);
                for _ in 0..all / 4 / TASKS {
                    let (fate, key) = (seeded.u64(..), seeded.u64(..KEYS));
                    let handle = handle.clone();
                    // A panic ends the task of the call and nothing else.
                    let call = tokio::spawn(async move {
                        let brief = Duration::from_micros(fate % 3000);
                        drop(timeout(brief, call(&handle, fate, key)).await);
                    });
                    drop(call.await);
                    done.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        tasks.join_all().await;
        if round == 0 {
            warm = resident();
        }
    }
    let core = cache.core();
    // Loads in the background end by their timeout.
    for _ in 0..1000 {
        if Handle::current().metrics().num_alive_tasks() == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(Handle::current().metrics().num_alive_tasks(), 0, "tasks are left");
    assert_eq!(core.flights.len(), 0, "flights are left");
    let stats = cache.stats();
    assert!(stats.loads > 0 && stats.shared_loads > 0 && stats.failed_refreshes > 0, "{stats}");
    let grown = resident().saturating_sub(warm);
    eprintln!(
        "{} calls; {} KiB more than after a quarter of them",
        done.load(Ordering::Relaxed),
        grown >> 10
    );
    assert!(grown < 16 << 20, "{grown} bytes are left");
    // No key is poisoned.
    for key in 0..KEYS {
        let value =
            timeout(Duration::from_secs(30), handle.get_or_load(&key, || async { 7 })).await;
        assert!(value.is_ok(), "key {key} hangs");
    }
}
