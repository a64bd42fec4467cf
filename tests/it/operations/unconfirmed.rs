//! Writing without waiting for the answer.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use memclient::{Client, Deleted, Delivery, Error, Event, Stored, Touched, Ttl, Value};
use memclient_tests::{Answer, Gate, Script, Scripted};

use super::{At, at::META};

in_every_setup! {
    every_write_arrives_without_waiting
    a_barrier_tells_what_was_sent_and_what_failed
    no_answer_of_a_write_is_taken_for_that_of_another_call
    writes_that_do_not_wait_by_default_say_so
    what_cannot_be_sent_is_still_an_error
}

async fn every_write_arrives_without_waiting(at: &At) {
    let quick = at.client.unconfirmed();
    at.put("n", "10").await;

    quick.set("set", "v", Ttl::secs(100)).await.unwrap();
    quick.add("add", "v", Ttl::Never).await.unwrap();
    at.client.barrier().await;
    quick.replace("set", "new", Ttl::secs(100)).await.unwrap();
    quick.replace("none", "new", Ttl::Never).await.unwrap();
    at.client.barrier().await;
    quick.append("add", "b").await.unwrap();
    at.client.barrier().await;
    quick.prepend("add", "a").await.unwrap();
    quick.touch("set", Ttl::secs(1000)).await.unwrap();
    quick.incr("n", 5).await.unwrap();
    at.client.barrier().await;
    quick.decr("n", 1).await.unwrap();
    at.put("gone", "v").await;
    quick.delete("gone").await.unwrap();
    let settled = at.client.barrier().await;

    assert_eq!((settled.sent, settled.failed), (2, 0));
    assert_eq!(at.text("set").await.as_deref(), Some("new"));
    assert!((990..=1000).contains(&at.seconds_left("set").await));
    assert_eq!(at.text("add").await.as_deref(), Some("avb"));
    assert_eq!(at.text("n").await.as_deref(), Some("14"));
    assert!(at.held("none").await.is_none() && at.held("gone").await.is_none());
    assert_eq!(at.client.unconfirmed_failures(), 0);
}

async fn a_barrier_tells_what_was_sent_and_what_failed(at: &At) {
    let told = Arc::new(Mutex::new(Vec::new()));
    let hear = Arc::clone(&told);
    let client = at.build(at.builder().observer(move |event: &Event<'_>| {
        if let Event::UnconfirmedFailed { error } = event {
            hear.lock().unwrap().push(error.to_string());
        }
    }));
    at.put("text", "seven").await;
    let settled = client.barrier().await;
    assert_eq!((settled.sent, settled.failed), (0, 0));

    for number in 0..100 {
        client.unconfirmed().set(format!("k{number}"), number, Ttl::Never).await.unwrap();
    }
    for _ in 0..3 {
        client.unconfirmed().incr("text", 1).await.unwrap();
    }
    let large = Value::new(vec![b'v'; 2 << 20], 0);
    client.unconfirmed().set("large", large, Ttl::Never).await.unwrap();

    let settled = client.barrier().await;
    assert_eq!((settled.sent, settled.failed), (104, 4));
    assert_eq!(client.barrier().await.sent, 0);
    assert_eq!(client.clone().unconfirmed_failures(), 4);
    assert_eq!(at.client.unconfirmed_failures(), 0);
    let told = told.lock().unwrap().clone();
    assert_eq!(told.len(), 4);
    assert!(told.iter().any(|text| text.contains("non-numeric")), "{told:?}");
    assert!(told.iter().any(|text| text.contains("too large")), "{told:?}");
    assert_eq!(at.stat("curr_items").await, 101);
}

async fn no_answer_of_a_write_is_taken_for_that_of_another_call(at: &At) {
    at.put("text", "seven").await;
    for number in 0..200u32 {
        let key = format!("k{}", number % 3);
        match number % 4 {
            0 => at.client.unconfirmed().incr("text", 1).await.unwrap(),
            1 => at.client.unconfirmed().delete(&key).await.unwrap(),
            2 => at.client.unconfirmed().add("text", "x", Ttl::Never).await.unwrap(),
            _ => at.client.unconfirmed().append("none", "x").await.unwrap(),
        }
        at.put("k", &number.to_string()).await;
        assert_eq!(at.text("k").await, Some(number.to_string()));
        assert_eq!(at.client.get("none").await.unwrap(), None);
    }
    assert_eq!(at.client.barrier().await.failed, 50);
}

async fn writes_that_do_not_wait_by_default_say_so(at: &At) {
    let client = at.build(at.builder().default_noreply(true));
    let never = Ttl::Never;

    assert_eq!(client.set("a", "1", never).await.unwrap(), Stored::Unconfirmed);
    client.barrier().await;
    assert_eq!(client.add("a", "2", never).await.unwrap(), Stored::Unconfirmed);
    assert_eq!(client.replace("none", "3", never).await.unwrap(), Stored::Unconfirmed);
    client.barrier().await;
    assert_eq!(client.append("a", "c").await.unwrap(), Stored::Unconfirmed);
    assert_eq!(client.prepend("none", "c").await.unwrap(), Stored::Unconfirmed);
    assert_eq!(client.touch("a", Ttl::secs(100)).await.unwrap(), Touched::Unconfirmed);
    assert_eq!(client.delete("none").await.unwrap(), Deleted::Unconfirmed);
    assert!(!Stored::Unconfirmed.is_stored() && !Deleted::Unconfirmed.is_deleted());
    let many = client.set_many([("b", "2"), ("two words", "x"), ("c", "3")], never).await;
    let [b, bad, c] = &many[..] else { panic!("not three outcomes: {many:?}") };
    assert_eq!(*b.as_ref().unwrap(), Stored::Unconfirmed);
    assert_eq!(*c.as_ref().unwrap(), Stored::Unconfirmed);
    assert!(bad.as_ref().is_err_and(|error| error.as_key_error().is_some()));
    client.barrier().await;
    let gone = client.delete_many(&["b", ""]).await;
    assert_eq!(*gone[0].as_ref().unwrap(), Deleted::Unconfirmed);
    assert!(gone[1].as_ref().is_err_and(Error::is_input));
    let touched = client.touch_many(&["c"], Ttl::secs(100)).await.remove(0);
    assert_eq!(touched.unwrap(), Touched::Unconfirmed);
    let settled = client.barrier().await;

    assert_eq!((settled.sent, settled.failed), (2, 0), "since the last barrier");
    assert_eq!(at.text("a").await.as_deref(), Some("1c"));
    assert!((90..=100).contains(&at.seconds_left("c").await));
    assert!(at.held("b").await.is_none());
    // What must be known is waited for all the same.
    assert_eq!(client.incr("none", 1).await.unwrap(), None);
}

async fn what_cannot_be_sent_is_still_an_error(at: &At) {
    let client = at.build(at.builder().default_noreply(true).max_value_size(10));
    let large = "x".repeat(11);

    for error in [
        client.set("two words", "v", Ttl::Never).await.unwrap_err(),
        client.unconfirmed().delete("").await.unwrap_err(),
        client.unconfirmed().touch("k", Ttl::secs(u64::MAX)).await.unwrap_err(),
        client.set("k", large.as_str(), Ttl::Never).await.unwrap_err(),
    ] {
        assert_eq!(error.delivery(), Delivery::NotSent);
        assert!(error.command().is_some(), "{error:?}");
    }

    let settled = client.barrier().await;
    assert_eq!((settled.sent, settled.failed), (0, 0));
}

#[tokio::test]
async fn what_a_lost_connection_takes_with_it_has_failed() {
    let gate = Gate::new();
    let lost = Script::new().greet().expect_line().wait(&gate).close();
    let server = Scripted::start(lost).unwrap();
    let client = Client::builder().server(server.address()).max_pool_size(1).build().unwrap();
    for _ in 0..5 {
        client.unconfirmed().set("k", "v", Ttl::Never).await.unwrap();
    }
    let barrier = client.barrier();
    tokio::pin!(barrier);
    let early = tokio::time::timeout(Duration::from_millis(50), &mut barrier).await;
    assert!(early.is_err(), "nothing is answered yet");

    gate.open();

    let settled = barrier.await;
    assert_eq!((settled.sent, settled.failed), (5, 5));
    assert_eq!(client.unconfirmed_failures(), 5);
}

#[tokio::test]
async fn a_server_that_never_answers_ends_a_barrier_at_the_deadline() {
    let silent = Scripted::start(Script::new().greet()).unwrap();
    let client = Client::builder().server(silent.address()).timeout(Duration::from_millis(100));
    let client = client.build().unwrap();
    client.unconfirmed().set("k", "v", Ttl::Never).await.unwrap();

    let settled = client.barrier().await;

    assert_eq!((settled.sent, settled.failed), (1, 1));
}

#[tokio::test]
async fn a_server_that_is_down_fails_what_is_to_be_sent() {
    let mut at = At::start(META).await.unwrap();
    at.put("k", "v").await;
    at.server.stop().unwrap();

    let failed = async { while at.client.unconfirmed().set("k", "v", Ttl::Never).await.is_ok() {} };
    tokio::time::timeout(Duration::from_secs(10), failed).await.expect("it is sent nowhere");

    at.server.restart().await.unwrap();
    let sent = async {
        while at.client.unconfirmed().set("k", "new", Ttl::Never).await.is_err() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), sent).await.expect("it is up again");
    at.client.barrier().await;
    assert_eq!(at.text("k").await.as_deref(), Some("new"));
}

#[tokio::test]
async fn an_idle_connection_that_the_server_ended_costs_no_write() {
    let lost = Script::new().greet().expect_line().send("HD O2\r\n").close();
    let good = Script::new().greet().expect_line().send("HD O2\r\n");
    let server = Scripted::each([lost, good]).unwrap();
    let client = Client::builder().server(server.address()).max_pool_size(1).build().unwrap();
    assert!(client.set("k", "v", Ttl::Never).await.unwrap().is_stored());
    tokio::time::sleep(Duration::from_millis(50)).await;

    client.unconfirmed().set("k", "v", Ttl::Never).await.unwrap();

    let settled = client.barrier().await;
    assert_eq!((settled.sent, settled.failed), (1, 0));
    assert_eq!(server.accepts(), 2);
}

#[tokio::test]
async fn a_dropped_barrier_leaves_its_count_to_the_next() {
    let open = Arc::new(AtomicBool::new(false));
    let held = Arc::new(AtomicUsize::new(0));
    let (opened, counter) = (Arc::clone(&open), Arc::clone(&held));
    let server = Scripted::answering(move |request| match request.words() {
        words if words[0] == "version" => Answer::from("VERSION 1.6.18\r\n"),
        words => {
            counter.fetch_add(1, Ordering::SeqCst);
            while !opened.load(Ordering::SeqCst) {
                std::thread::sleep(Duration::from_millis(1));
            }
            Answer::from(format!("HD {}\r\n", words.last().unwrap()))
        }
    })
    .unwrap();
    let client = Client::builder().server(server.address()).max_pool_size(1);
    let client = client.timeout(Duration::from_secs(10)).build().unwrap();
    client.unconfirmed().set("a", "v", Ttl::Never).await.unwrap();
    let left = tokio::time::timeout(Duration::from_millis(20), client.barrier()).await;
    assert!(left.is_err());
    client.unconfirmed().set("b", "v", Ttl::Never).await.unwrap();

    open.store(true, Ordering::SeqCst);

    let settled = client.barrier().await;
    assert_eq!((settled.sent, settled.failed), (2, 0));
    assert_eq!(held.load(Ordering::SeqCst), 2);
}
