//! Many keys in one call: read in one go, loaded by one call of the loader, written in one go.

use std::{
    collections::HashMap,
    future::{pending, ready},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use memclient::{Cache, Client, Policy, TypedCache};
use memclient_tests::{Memcached, Request, Scripted};
use tokio::{sync::Notify, task::JoinSet};

const HOUR: Duration = Duration::from_secs(3600);

/// Longer than anything here takes; passing it is a hang.
const HANG: Duration = Duration::from_secs(30);

async fn squares() -> (Memcached, Cache, TypedCache<u64>) {
    let server = Memcached::start().await.unwrap();
    let client = Client::new(server.address()).unwrap();
    let cache = Cache::builder().backend(client).without_near().build().unwrap();
    let squares = cache.typed("square").ttl(HOUR);
    (server, cache, squares)
}

fn square_all(keys: Vec<u64>) -> HashMap<u64, u64> {
    keys.into_iter().map(|key| (key, key * key)).collect()
}

async fn within<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(HANG, future).await.expect("it hangs")
}

#[tokio::test]
async fn only_what_is_missing_is_loaded_and_all_of_it_at_once() {
    let (server, cache, squares) = squares().await;
    for key in (0..1000).filter(|key| key % 10 != 0) {
        squares.put(&key, &(key * key)).await.unwrap();
    }
    let asked = Mutex::new(Vec::new());
    let load = |keys: Vec<u64>| {
        asked.lock().unwrap().push(keys.clone());
        ready(square_all(keys))
    };
    let sets = server.stat("cmd_set").await.unwrap();
    let found = squares.get_or_load_many(0..1000, load).await;
    assert_eq!(found, square_all((0..1000).collect()));
    let missing: Vec<u64> = (0..1000).step_by(10).collect();
    assert_eq!(*asked.lock().unwrap(), [missing]);
    let sets: u64 = sets.unwrap().parse().unwrap();
    assert_eq!(server.stat("cmd_set").await.unwrap(), Some((sets + 100).to_string()));
    let stats = cache.stats();
    assert_eq!((stats.far_hits, stats.misses, stats.loads, stats.stores), (900, 100, 1, 1000));

    let again = squares.get_or_load_many(0..1000, |_| pending::<HashMap<u64, u64>>());
    assert_eq!(within(again).await.len(), 1000);
    let known = squares.get_many(&[1, 2, 5000]).await;
    let known: Vec<_> = known.into_iter().map(Result::unwrap).collect();
    assert_eq!(known, [Some(1), Some(4), None]);
}

#[tokio::test]
async fn what_is_near_is_not_asked_for() {
    let server = Memcached::start().await.unwrap();
    let client = Client::new(server.address()).unwrap();
    let cache = Cache::builder().backend(client).build().unwrap();
    let squares = cache.typed::<u64>("square");
    let found = squares.get_or_load_many(0..10, |keys| ready(square_all(keys))).await;
    assert_eq!(found.len(), 10);
    let gets = server.stat("cmd_get").await.unwrap();
    let found = squares.get_or_load_many(0..10, |_| pending::<HashMap<u64, u64>>()).await;
    assert_eq!(found, square_all((0..10).collect()));
    assert!(squares.get_many(&[1, 2, 3]).await.into_iter().all(|known| known.unwrap().is_some()));
    assert_eq!(server.stat("cmd_get").await.unwrap(), gets);
}

#[tokio::test]
async fn a_key_that_is_named_twice_is_loaded_once_and_no_keys_load_nothing() {
    let (_server, _, squares) = squares().await;
    let load = |keys: Vec<u64>| {
        assert_eq!(keys, [3, 4]);
        ready(square_all(keys))
    };
    let found = squares.get_or_load_many([3, 4, 3], load).await;
    assert_eq!(found, square_all(vec![3, 4]));
    let none = squares.get_or_load_many([], |_| pending::<HashMap<u64, u64>>());
    assert!(within(none).await.is_empty());
}

#[tokio::test]
async fn a_load_of_one_key_is_waited_for_by_those_of_many() {
    let (_server, _, squares) = squares().await;
    let (begun, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let single = tokio::spawn({
        let (squares, begun, go) = (squares.clone(), Arc::clone(&begun), Arc::clone(&go));
        async move {
            let load = || async {
                begun.notify_one();
                go.notified().await;
                25
            };
            squares.get_or_load(&5, load).await
        }
    });
    begun.notified().await;
    let load = |keys: Vec<u64>| {
        assert_eq!(keys, [4, 6]);
        go.notify_one();
        ready(square_all(keys))
    };
    let found = within(squares.get_or_load_many([4, 5, 6], load)).await;
    assert_eq!(found, square_all(vec![4, 5, 6]));
    assert_eq!(single.await.unwrap(), 25);
}

#[tokio::test]
async fn a_key_whose_loader_gives_up_is_loaded_by_those_who_wait() {
    let (_server, _, squares) = squares().await;
    let begun = Arc::new(Notify::new());
    let single = tokio::spawn({
        let (squares, begun) = (squares.clone(), Arc::clone(&begun));
        async move {
            let load = || async {
                begun.notify_one();
                pending::<u64>().await
            };
            squares.get_or_load(&5, load).await
        }
    });
    begun.notified().await;
    let asked = Mutex::new(Vec::new());
    let load = |keys: Vec<u64>| {
        asked.lock().unwrap().push(keys.clone());
        single.abort();
        ready(square_all(keys))
    };
    let found = within(squares.get_or_load_many([4, 5], load)).await;
    assert_eq!(found, square_all(vec![4, 5]));
    assert_eq!(*asked.lock().unwrap(), [[4], [5]]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn batches_that_share_keys_load_each_once_and_never_wait_in_a_circle() {
    let (_server, cache, squares) = squares().await;
    let loaded = Arc::new(AtomicUsize::new(0));
    let mut batches = JoinSet::new();
    for batch in 0..50u64 {
        let (squares, loaded) = (squares.clone(), Arc::clone(&loaded));
        batches.spawn(async move {
            let mut keys: Vec<u64> = (batch..batch + 50).collect();
            if batch % 2 == 0 {
                keys.reverse();
            }
            let load = |keys: Vec<u64>| {
                loaded.fetch_add(keys.len(), Ordering::SeqCst);
                async {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                    square_all(keys)
                }
            };
            let found = squares.get_or_load_many(keys.clone(), load).await;
            assert_eq!(found, square_all(keys));
        });
    }
    within(batches.join_all()).await;
    assert_eq!(loaded.load(Ordering::SeqCst), 99);
    assert!(cache.stats().loads <= 50);
}

#[tokio::test]
async fn an_error_is_returned_unless_every_key_has_a_stale_value() {
    let (_server, _, squares) = squares().await;
    squares.put(&3, &9).await.unwrap();
    let stale = squares.clone().policy(Policy::new().ttl(3 * HOUR).grace(2 * HOUR));
    let fail = |_: Vec<u64>| ready(Err::<HashMap<u64, u64>, _>("down"));
    assert_eq!(stale.get_or_load_many([3, 4], fail).await, Err("down"));
    assert_eq!(squares.get(&4).await.unwrap(), None, "nothing of it is kept");
    // The first failure is not long ago, so the stale value is answered without a second try.
    let known = stale.get_or_load_many([3], |_| pending::<Result<HashMap<u64, u64>, &str>>());
    assert_eq!(within(known).await, Ok(square_all(vec![3])));
}

#[tokio::test]
async fn stale_keys_are_loaded_again_with_those_that_are_missing() {
    let (_server, cache, squares) = squares().await;
    for key in [3, 4] {
        squares.put(&key, &0).await.unwrap();
    }
    let stale = squares.policy(Policy::new().ttl(3 * HOUR).grace(2 * HOUR));
    let load = |keys: Vec<u64>| {
        assert_eq!(keys, [3, 4, 5]);
        // One of them is no more.
        ready(square_all(vec![3, 5]))
    };
    assert_eq!(stale.get_or_load_many([3, 4, 5], load).await, square_all(vec![3, 5]));
    let known: Vec<_> = stale.get_many(&[3, 4, 5]).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(known, [Some(9), None, Some(25)]);
    assert_eq!(cache.stats().refreshes, 2);
}

#[tokio::test]
async fn a_key_that_has_none_is_asked_for_again_unless_the_policy_says_how_long_not() {
    let (_server, _, squares) = squares().await;
    let none = |_: Vec<u64>| ready(HashMap::<u64, u64>::new());
    for _ in 0..2 {
        let runs = AtomicUsize::new(0);
        let load = |keys| {
            runs.fetch_add(1, Ordering::SeqCst);
            none(keys)
        };
        assert!(squares.get_or_load_many([7], load).await.is_empty());
        assert_eq!(runs.load(Ordering::SeqCst), 1);
    }
    let known = squares.policy(Policy::new().none(HOUR));
    assert!(known.get_or_load_many([7], none).await.is_empty());
    let again = known.get_or_load_many([7], |_| pending::<HashMap<u64, u64>>());
    assert!(within(again).await.is_empty());
}

#[tokio::test]
async fn without_its_server_a_batch_is_loaded() {
    let (mut server, cache, squares) = squares().await;
    server.stop().unwrap();
    let found = within(squares.get_or_load_many(0..10, |keys| ready(square_all(keys)))).await;
    assert_eq!(found, square_all((0..10).collect()));
    assert!(cache.stats().backend_errors > 0);
}

#[tokio::test]
async fn a_touch_gives_an_entry_its_whole_life_again() {
    let (server, _, squares) = squares().await;
    assert!(!squares.touch(&3).await.unwrap());
    squares.clone().ttl(Duration::from_secs(60)).put(&3, &9).await.unwrap();
    assert!(squares.touch(&3).await.unwrap());
    let line = server.raw(format!("mg {} t\r\n", squares.key(&3))).await.unwrap();
    let line = String::from_utf8(line).unwrap();
    let left: u64 = line.trim().strip_prefix("HD t").unwrap().parse().unwrap();
    assert!((3000..=3600).contains(&left), "{left}");
}

/// Answers reads and writes only once all of them are there, so whoever waited for an answer between
/// two of them would wait for ever.
fn hold_back(reads: usize, writes: usize) -> Scripted {
    let held = Mutex::new((0, 0, Vec::new()));
    let opaque = |request: &Request| request.words().pop().unwrap_or_default();
    let answer = move |request: &Request| {
        let words = request.words();
        let mut held = held.lock().unwrap();
        let (read, written, answers) = &mut *held;
        match words.first().map(String::as_str) {
            Some("mg") => {
                let won = words[1].ends_with('0');
                let (len, flags, cas) = if won { (0, "f0", "W c7") } else { (1, "f2", "c7") };
                let data = if won { "" } else { "9" };
                *read += 1;
                answers
                    .push(format!("VA {len} {flags} {cas} t60 {}\r\n{data}\r\n", opaque(request)));
            }
            Some("ms") => {
                *written += 1;
                answers.push(format!("HD {}\r\n", opaque(request)));
            }
            _ => return "VERSION 1.6.38\r\n".to_owned(),
        }
        let whole = *read == reads && (*written == 0 || *written == writes);
        if whole { std::mem::take(answers).concat() } else { String::new() }
    };
    Scripted::answering(answer).unwrap()
}

#[tokio::test]
async fn a_batch_is_one_multi_get_one_load_and_one_pipeline_of_fills() {
    let server = hold_back(1000, 100);
    let client = Client::builder().server(server.address()).max_pool_size(1).build().unwrap();
    let cache = Cache::builder().backend(client).without_near().build().unwrap();
    let squares = cache.typed::<u64>("square");
    let loads = AtomicUsize::new(0);
    let load = |keys: Vec<u64>| {
        loads.fetch_add(1, Ordering::Relaxed);
        assert_eq!(keys, (0..1000).step_by(10).collect::<Vec<_>>());
        ready(square_all(keys))
    };
    let found = within(squares.get_or_load_many(0..1000, load)).await;
    assert_eq!((found.len(), found[&3], found[&10]), (1000, 9, 100));
    assert_eq!(loads.into_inner(), 1);
    let asked = String::from_utf8(server.received()).unwrap();
    assert_eq!((asked.matches("mg ").count(), asked.matches("ms ").count()), (1000, 100));
    // Each fill names the version that its lease has.
    assert_eq!(asked.matches(" C7 ").count(), 100);
    assert_eq!(cache.stats().backend_errors, 0);
}
