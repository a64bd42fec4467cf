//! Calls from inside of somebody's runtime.

use memclient::{Ttl, blocking::Client};
use tokio::task::{JoinSet, block_in_place, spawn_blocking};

use super::{start, text};

/// More than the budget of a task in tokio.
const CALLS: u64 = 1000;

/// Counts with one call after the other.
fn count(client: &Client) {
    assert!(client.set("n", 0u64, Ttl::Never).unwrap().is_stored());
    for number in 1..=CALLS {
        assert_eq!(client.incr("n", 1).unwrap(), Some(number));
    }
}

#[tokio::test(flavor = "current_thread")]
async fn a_task_of_a_single_threaded_runtime_may_call() {
    let (_server, client) = start();
    count(&client);
}

#[tokio::test(flavor = "current_thread")]
async fn tasks_of_a_single_threaded_runtime_may_call_in_turn() {
    let (_server, client) = start();
    let mut tasks = JoinSet::new();
    for number in 0..32 {
        let client = client.clone();
        tasks.spawn(async move {
            let key = format!("k{number}");
            for round in 0..10u32 {
                client.unconfirmed().set(&key, round, Ttl::Never).unwrap();
                tokio::task::yield_now().await;
                assert_eq!(client.barrier().failed, 0);
                assert_eq!(client.get(&key).unwrap().unwrap().decode::<u32>().unwrap(), round);
            }
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_blocking_section_may_call() {
    let (_server, client) = start();
    block_in_place(|| count(&client));
    let other = client.clone();
    spawn_blocking(move || count(&other)).await.unwrap();
    count(&client);
}

#[test]
fn a_client_outlives_the_runtime_that_it_was_made_and_used_in() {
    let (_server, client) = start();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async { assert!(client.set("k", "v", Ttl::Never).unwrap().is_stored()) });

    drop(runtime);

    assert_eq!(text(&client, "k").as_deref(), Some("v"));
}

#[tokio::test(flavor = "current_thread")]
async fn one_client_turns_into_the_other_and_back() {
    let (_server, client) = start();
    assert!(client.set("k", "seven", Ttl::Never).unwrap().is_stored());

    let client = client.into_async();
    assert!(client.get("k").await.unwrap().is_some());
    client.unconfirmed().incr("k", 1).await.unwrap();
    let other = client.clone();
    let client = client.into_blocking().unwrap();

    // Nobody moves the other's connection while this thread is kept.
    assert_eq!(client.barrier().sent, 0, "each counts its own");
    assert_eq!(other.barrier().await.failed, 1);
    assert_eq!(client.unconfirmed_failures(), 0);
    assert_eq!(text(&client, "k").as_deref(), Some("seven"));
}
