//! What goes wrong comes to the calling thread, with a name.

use std::{sync::Barrier, thread, time::Duration};

use memclient::{Client, Delivery, Step, Ttl};
use memclient_tests::{Memcached, Program, Scripted};

#[test]
fn a_call_ends_at_its_deadline_where_the_server_is_silent() {
    let server = Scripted::answering(|request| match &request.text()[..] {
        "version" => "VERSION 1.6.18\r\n",
        _ => "",
    });
    let server = server.unwrap();
    let builder = Client::builder().server(server.address()).max_pool_size(1);
    let client = builder.timeout(Duration::from_millis(100)).build_blocking().unwrap();
    let begin = Barrier::new(8);

    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                begin.wait();
                let error = client.set("k", "v", Ttl::Never).unwrap_err();
                assert!(error.is_timeout() || error.is_closed(), "{error:?}");
                assert_eq!(error.command(), Some("set"));
            });
        }
    });

    let error = client.get("k").unwrap_err();
    assert_eq!(error.timed_out_step(), Some(Step::Reply), "{error:?}");
    assert_eq!(error.delivery(), Delivery::Unknown);
    assert!(client.get_many(&["a", "b"]).iter().all(Result::is_err));
}

#[test]
fn a_server_that_is_down_is_an_error_and_one_that_comes_back_is_used() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut server = Memcached::builder().start_blocking().unwrap();
    let client = server.client_builder().build_blocking().unwrap();
    assert!(client.set("k", "v", Ttl::Never).unwrap().is_stored());

    server.stop().unwrap();
    assert!(client.set("k", "v", Ttl::Never).is_err());
    assert!(client.get("k").unwrap_err().is_connect());
    assert!(client.versions().remove(0).1.is_err());
    runtime.block_on(server.restart()).unwrap();

    let stored = || client.set("k", "v", Ttl::Never).is_ok();
    let again = (0..1000).any(|_| {
        stored() || {
            thread::sleep(Duration::from_millis(10));
            false
        }
    });
    assert!(again, "the server is back");
}

#[test]
fn options_that_cannot_be_are_refused_as_by_the_other_client() {
    for text in ["h:0", "memcache://h?tiemout=1s"] {
        let (one, other) = (Client::new(text), memclient::blocking::Client::new(text));
        let (one, other) = (one.unwrap_err(), other.unwrap_err());
        assert_eq!(one.to_string(), other.to_string());
        assert!(other.is_input());
    }
}

#[tokio::test]
async fn a_system_that_refuses_the_thread_is_a_typed_error() {
    let server = Memcached::start().await.unwrap();
    let program = Program::example("blocking").await.unwrap();
    let program = program.env("MEMCACHED_SERVERS", server.address());

    // No machine has so much room for the stack of a thread.
    let refused = program.clone().env("RUST_MIN_STACK", (1u64 << 52).to_string());
    let refused = refused.run().await.unwrap();
    assert!(!refused.status.success());
    assert!(refused.stderr.contains("refused the thread"), "{}", refused.stderr);
    assert!(!refused.stderr.contains("panicked"), "{}", refused.stderr);

    let granted = program.run().await.unwrap();
    assert!(granted.status.success(), "{}", granted.stderr);
}
