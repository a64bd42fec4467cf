//! Many threads on one client.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Barrier,
    thread,
    time::Duration,
};

use memclient::{Ttl, blocking::Client};
use memclient_tests::Memcached;

use super::{start, text};

const THREADS: usize = 64;

#[test]
fn sixty_four_threads_get_their_own_values_over_shared_connections() {
    let (server, client) = start();
    let begin = Barrier::new(THREADS);

    thread::scope(|scope| {
        for number in 0..THREADS {
            // Half of them share one handle, the others have their own.
            let own = number.is_multiple_of(2).then(|| client.clone());
            let (client, begin) = (&client, &begin);
            scope.spawn(move || {
                begin.wait();
                work(own.as_ref().unwrap_or(client), number);
            });
        }
    });

    // The look itself is one, and the server counts one that listens.
    assert!(stat(&server, "total_connections") <= 8 + 2, "the threads share connections");
}

/// Writes and reads under keys of the thread's own.
fn work(client: &Client, thread: usize) {
    let keys: Vec<String> = (0..5).map(|number| format!("{thread}:{number}")).collect();
    for round in 0..20 {
        for key in &keys {
            let value = format!("{key}={round}");
            assert!(client.set(key, value.as_str(), Ttl::Never).unwrap().is_stored());
            assert_eq!(text(client, key), Some(value));
            assert_eq!(client.get(format!("none:{key}")).unwrap(), None);
        }
        for (key, answer) in keys.iter().zip(client.get_many(&keys)) {
            let value: String = answer.unwrap().unwrap().decode().unwrap();
            assert_eq!(value, format!("{key}={round}"));
        }
        client.unconfirmed().incr("counter", 1).unwrap();
    }
}

#[test]
fn a_thread_that_panics_in_mid_call_harms_nobody() {
    let (server, client) = start();
    assert!(client.set("k", "v", Ttl::Never).unwrap().is_stored());
    let begin = Barrier::new(8);

    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                begin.wait();
                for _ in 0..100 {
                    let entries = (0..600).map(|number| {
                        assert!(number < 500, "one of the caller's own entries");
                        (format!("n:{number}"), number)
                    });
                    let call = AssertUnwindSafe(|| client.set_many(entries, Ttl::Never));
                    assert!(catch_unwind(call).is_err());
                }
            });
            scope.spawn(|| {
                begin.wait();
                for _ in 0..200 {
                    assert_eq!(text(&client, "k").as_deref(), Some("v"));
                }
            });
        }
    });

    assert_eq!(text(&client, "k").as_deref(), Some("v"));
    assert!(stat(&server, "total_connections") <= 8 + 2, "no connection was lost");
}

#[test]
fn with_the_last_handle_the_connections_end() {
    let (server, client) = start();
    let other = client.clone();
    assert!(client.set("k", "v", Ttl::Never).unwrap().is_stored());
    drop(client);
    assert_eq!(text(&other, "k").as_deref(), Some("v"), "the connection lives on");

    drop(other);

    // The look itself is one, and the server counts one that listens.
    let gone = || stat(&server, "curr_connections") <= 2;
    let looks = (0..1000).any(|_| gone() || pause());
    assert!(looks, "connections are left");
}

/// Lets the server come to know of something; false, for one more look.
fn pause() -> bool {
    thread::sleep(Duration::from_millis(10));
    false
}

/// Asks on a connection of its own.
fn stat(server: &Memcached, name: &str) -> u64 {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let value = runtime.block_on(server.stat(name)).unwrap();
    value.unwrap().parse().unwrap()
}
