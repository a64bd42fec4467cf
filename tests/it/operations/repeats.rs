//! What is sent a second time when the connection is lost with the answer to the first.

use std::{collections::HashSet, sync::Mutex};

use memclient::{Client, Delivery};
use memclient_tests::{Answer, Request, Scripted};

use super::commands::{call, commands};

/// The commands that come to the same when they are carried out twice.
const REPEATABLE: [&str; 16] = [
    "get",
    "gets",
    "gat",
    "gats",
    "get_many",
    "gets_many",
    "gat_many",
    "gats_many",
    "touch",
    "touch_many",
    "meta_of",
    "stats",
    "version",
    "flush_all",
    "cache_memlimit",
    "verbosity",
];

#[tokio::test]
async fn only_what_comes_to_the_same_twice_is_sent_again() {
    for (dialect, command, _) in commands() {
        let greeted = Mutex::new(HashSet::new());
        let server = Scripted::answering(move |request: &Request| {
            let is_first = greeted.lock().unwrap().insert(request.connection);
            if is_first { Answer::from("VERSION 1.6.18\r\n") } else { Answer::Close(Vec::new()) }
        })
        .unwrap();
        let client = Client::builder().server(server.address()).dialect(dialect).max_pool_size(1);

        let outcome = call(&client.build().unwrap(), command).await;

        if REPEATABLE.contains(&command) {
            assert_eq!(server.accepts(), 2, "{dialect:?} {command}");
            assert!(outcome.unwrap_err().is_closed(), "{dialect:?} {command}");
        } else {
            assert_eq!(server.accepts(), 1, "{dialect:?} {command}");
            // The end of the connection is what answers a shutdown.
            if command != "shutdown" {
                let error = outcome.unwrap_err();
                assert_eq!(error.delivery(), Delivery::Unknown, "{dialect:?} {command}");
                assert!(!error.is_retryable());
            }
        }
    }
}

/// A caller's mistake is one however often it is repeated.
#[tokio::test]
async fn what_the_caller_got_wrong_is_not_tried_at_all() {
    let server = Scripted::answering(|_: &Request| "VERSION 1.6.18\r\n").unwrap();
    let client = Client::builder().server(server.address()).build().unwrap();

    for key in ["", "two words"] {
        assert!(client.get(key).await.is_err_and(|error| error.is_input()));
    }

    assert_eq!(server.accepts(), 0);
}
