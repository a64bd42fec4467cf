//! Servers that are silent, slow or full: each call ends all the same, and says what it waited for.

use std::{
    future::Future,
    net::{SocketAddr, TcpStream},
    time::{Duration, Instant},
};

use memclient::{Client, Delivery, Error, Step, Ttl, Value};
use memclient_tests::{Faults, Memcached, Mode, Proxy, Script, Scripted};
use socket2::{Domain, SockAddr, Socket, Type};
use tokio::task::JoinSet;

use super::{own_value, put, within};

/// What the calls have. That they end at it is shown; that they end soon after it is asserted.
const TIMEOUT: Duration = Duration::from_millis(200);

/// So late that no busy machine explains it.
const FAR_TOO_LATE: Duration = Duration::from_secs(2);

fn hasty(address: &str) -> Client {
    let builder = Client::builder().server(address).max_pool_size(1);
    builder.connect_timeout(TIMEOUT).timeout(TIMEOUT).build().unwrap()
}

/// Awaits a call that must fail in time, and shows how long it took.
async fn fails<T>(what: &str, call: impl Future<Output = Result<T, Error>>) -> Error {
    let begin = Instant::now();
    let outcome = tokio::time::timeout(FAR_TOO_LATE, call).await.expect("far too late");
    let took = begin.elapsed();
    println!("deadline: {what}: {took:.1?} of {TIMEOUT:?}");
    outcome.err().expect("nobody has answered")
}

/// Returns a server that says hello and nothing else.
fn silent() -> Scripted {
    Scripted::answering(|request| match &request.text()[..] {
        "version" => "VERSION 1.6.18\r\n",
        _ => "",
    })
    .unwrap()
}

#[tokio::test]
async fn every_operation_ends_when_the_server_is_silent() {
    let server = silent();
    let client = hasty(&server.address());
    let keys: Vec<String> = (0..100).map(|number| format!("key:{number}")).collect();
    let entries = keys.iter().map(|key| (key, "v"));

    for error in [
        fails("silent, get", client.get("k")).await,
        fails("silent, gets", client.gets("k")).await,
        fails("silent, get_many", async { client.get_many(&keys).await.remove(99) }).await,
        fails("silent, set", client.set("k", "v", Ttl::Never)).await,
        fails("silent, set_many", async { client.set_many(entries, Ttl::Never).await.remove(99) })
            .await,
        fails("silent, incr", client.incr("k", 1)).await,
        fails("silent, delete", client.delete("k")).await,
        fails("silent, touch", client.touch("k", Ttl::Never)).await,
    ] {
        assert_eq!(error.timed_out_step(), Some(Step::Reply), "{error:?}");
    }
}

#[tokio::test]
async fn all_of_many_callers_are_told_when_the_server_is_silent() {
    let server = silent();
    let client = hasty(&server.address());
    let mut tasks = JoinSet::new();
    for number in 0..200 {
        let client = client.clone();
        tasks.spawn(async move {
            let begin = Instant::now();
            let error = client.get(format!("key:{number}")).await.unwrap_err();
            assert!(error.is_timeout(), "{error:?}");
            begin.elapsed()
        });
    }

    let mut times = within(tasks.join_all()).await;

    println!("deadline: silent, 200 gets: {} of {TIMEOUT:?}", super::spread(&mut times));
    assert!(times.iter().all(|&time| time < FAR_TOO_LATE), "far too late");
}

#[tokio::test]
async fn a_batch_of_many_parts_ends_with_the_first_that_has_no_answer() {
    let server = silent();
    let client = hasty(&server.address());
    let keys: Vec<String> = (0..10_000).map(|number| format!("key:{number}")).collect();
    let entries = keys.iter().map(|key| (key, "v"));

    let begin = Instant::now();
    let outcomes =
        tokio::time::timeout(FAR_TOO_LATE, client.get_many(&keys)).await.expect("far too late");
    println!("deadline: silent, get_many of 10,000: {:.1?} of {TIMEOUT:?}", begin.elapsed());
    assert!(outcomes.iter().all(Result::is_err));
    let begin = Instant::now();
    let outcomes = tokio::time::timeout(FAR_TOO_LATE, client.set_many(entries, Ttl::Never));
    let outcomes = outcomes.await.expect("far too late");
    println!("deadline: silent, set_many of 10,000: {:.1?} of {TIMEOUT:?}", begin.elapsed());
    assert!(outcomes.iter().all(Result::is_err));
}

#[tokio::test]
async fn a_value_that_drips_does_not_stretch_the_deadline() {
    let server = Memcached::start().await.unwrap();
    let fast = hasty(&server.address());
    put(&fast, "k", 100_000).await;
    // Whole bytes at a time, and each of them in time for a limit on the next one.
    let proxy = Proxy::start(server.address(), Faults::none().bandwidth(30_000)).unwrap();
    let client = hasty(&proxy.address());

    let error = fails("dripping value", client.get("k")).await;

    assert_eq!(error.timed_out_step(), Some(Step::Reply), "{error:?}");
    assert!(proxy.bytes_down() > 0, "it has dripped");
}

#[tokio::test]
async fn a_byte_a_second_does_not_stretch_the_deadline() {
    let server = Scripted::start(
        Script::new().greet().expect_line().send("V").sleep(Duration::from_secs(1)).send("A"),
    )
    .unwrap();
    let client = hasty(&server.address());

    let error = fails("a byte a second", client.get("k")).await;

    assert_eq!(error.timed_out_step(), Some(Step::Reply), "{error:?}");
}

#[tokio::test]
async fn a_connection_that_is_never_accepted_is_a_connect_timeout() {
    let listener = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    listener.bind(&SockAddr::from(SocketAddr::from(([127, 0, 0, 1], 0)))).unwrap();
    listener.listen(1).unwrap();
    let address = listener.local_addr().unwrap().as_socket().unwrap();

    // There is room for a few in the kernel, who answers for the server.
    let error = fails("in the backlog", hasty(&address.to_string()).get("k")).await;
    assert_eq!(error.timed_out_step(), Some(Step::Connect), "{error:?}");
    assert_eq!(error.delivery(), Delivery::NotSent);

    let mut waiting = Vec::new();
    while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(50)) {
        waiting.push(stream);
        assert!(waiting.len() < 100, "the backlog has no end");
    }
    let error = fails("beyond the backlog", hasty(&address.to_string()).get("k")).await;
    assert_eq!(error.timed_out_step(), Some(Step::Connect), "{error:?}");
    assert_eq!(error.delivery(), Delivery::NotSent);
}

#[tokio::test]
async fn callers_without_room_end_and_know_that_nothing_was_sent() {
    let server = Memcached::start().await.unwrap();
    let proxy = Proxy::start(server.address(), Faults::none()).unwrap();
    let client = hasty(&proxy.address());
    put(&client, "k", 10).await;
    proxy.set(Mode::Hold);
    let large = own_value("k", 1_000_000);
    let mut tasks = JoinSet::new();
    for _ in 0..24 {
        let (client, large): (Client, Value) = (client.clone(), large.clone());
        tasks.spawn(async move {
            let begin = Instant::now();
            let error = client.set("k", large, Ttl::Never).await.unwrap_err();
            (begin.elapsed(), error)
        });
    }

    let ended = within(tasks.join_all()).await;

    let (mut times, errors): (Vec<_>, Vec<_>) = ended.into_iter().unzip();
    let without_room = errors.iter().filter(|it| it.delivery() == Delivery::NotSent).count();
    println!(
        "deadline: full window: {} of {TIMEOUT:?}, {without_room} of 24 without room",
        super::spread(&mut times)
    );
    assert!(times.iter().all(|&time| time < FAR_TOO_LATE), "far too late");
    assert!((1..24).contains(&without_room), "{without_room} of 24");
    for error in errors {
        assert!(error.is_timeout() || error.is_closed() || error.is_connect(), "{error:?}");
    }
}
