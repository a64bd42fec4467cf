//! Text authentication.

use std::time::Duration;

use memclient::Client;
use memclient_tests::{Gate, Memcached, Request, Script, Scripted};
use tokio::task::JoinSet;

use super::{HANG, failed, hasty, is_back, patient, whole, within, works};

#[tokio::test]
async fn a_client_with_the_right_credentials_is_let_in() {
    for builder in [
        Memcached::builder(),
        Memcached::builder().unix(),
        Memcached::builder().tls(),
        Memcached::builder().client_certificate(),
    ] {
        let server = builder.auth("ann", "secret").start().await.unwrap();

        works(&server.client_builder().build().unwrap()).await;
    }
}

#[tokio::test]
async fn other_credentials_are_refused_in_the_servers_words() {
    let server = Memcached::builder().auth("ann", "secret").start().await.unwrap();

    for (user, password) in [("ann", "Secret"), ("ann", "secret2"), ("bob", "secret")] {
        let error = failed(server.client_builder().credentials(user, password)).await;

        assert!(error.is_auth() && !error.is_connect(), "{error:?}");
        assert!(error.to_string().contains("authentication failure"), "{error}");
        assert_eq!(error.node(), Some(server.address().as_str()));
    }
}

#[tokio::test]
async fn a_server_that_wants_credentials_says_so_to_a_client_without() {
    let server = Memcached::builder().auth("ann", "secret").start().await.unwrap();

    let error = failed(Client::builder().server(server.address())).await;

    assert!(error.is_auth(), "{error:?}");
    assert!(error.to_string().contains("`credentials`"), "{error}");
}

#[tokio::test]
async fn credentials_are_shown_on_every_connection_and_after_a_restart() {
    let mut server = Memcached::builder().auth("ann", "secret").start().await.unwrap();
    let client = patient(&server).build().unwrap();

    for _ in 0..3 {
        let mut tasks = JoinSet::new();
        for _ in 0..64 {
            let client = client.clone();
            tasks.spawn(async move { works(&client).await });
        }
        within(tasks.join_all()).await;
        server.restart().await.unwrap();
        is_back(&client).await;
    }
    works(&client).await;
}

#[tokio::test]
async fn credentials_go_out_alone_and_before_everything_else() {
    let gate = Gate::new();
    let auth = "set auth 0 0 10\r\nann secret\r\n";
    let script = Script::new().expect(auth).wait(&gate).send("STORED\r\n").greet();
    let server = Scripted::start(script.expect_line().send("EN O3\r\n")).unwrap();
    let builder = Client::builder().server(server.address()).timeout(HANG);
    let builder = builder.connect_timeout(HANG).credentials("ann", "secret");
    let client = builder.build().unwrap();

    let call = tokio::spawn(async move { client.get("k").await });
    server.wait_received(auth).await.unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(server.received(), auth.as_bytes());
    gate.open();

    assert_eq!(within(call).await.unwrap().unwrap(), None);
}

#[tokio::test]
async fn a_server_that_refuses_credentials_is_not_hammered() {
    let server = Scripted::answering(|_: &Request| "CLIENT_ERROR authentication failure\r\n");
    let server = server.unwrap();
    let builder = Client::builder().server(server.address()).credentials("ann", "secret");
    let client = builder.build().unwrap();

    let mut tasks = JoinSet::new();
    for _ in 0..20 {
        let client = client.clone();
        tasks.spawn(async move {
            for _ in 0..50 {
                assert!(client.get("k").await.unwrap_err().is_auth());
            }
        });
    }
    within(tasks.join_all()).await;

    let dials = server.accepts();
    assert!((1..=30).contains(&dials), "{dials} dials for 1000 calls");
}

#[tokio::test]
async fn credentials_that_a_server_cannot_read_are_refused_before_a_byte_is_sent() {
    let server = Scripted::start(Script::new()).unwrap();
    for (user, password) in [
        ("", "secret"),
        ("ann", ""),
        ("a nn", "secret"),
        ("ann\r\nflush_all", "secret"),
        ("ann\0", "secret"),
        ("ann", "secret\r\nflush_all\r\n"),
        ("ann", "secret word"),
        ("ann", "secret\0"),
    ] {
        let builder = Client::builder().server(server.address());
        let error = builder.credentials(user, password).build().unwrap_err();

        assert!(error.is_input(), "{error:?}");
        assert!(!whole(&error).contains("secret"), "{error}");
    }
    assert_eq!(server.accepts(), 0);
}

#[tokio::test]
async fn a_server_that_answers_credentials_with_a_lie_gets_an_error() {
    for lie in [
        "STORED\r\nSTORED\r\n",
        "STORED\nEXTRA\r\n",
        "NOT_STORED\r\n",
        "VALUE auth 0 10\r\nann secret\r\nEND\r\n",
        "ERROR\r\n",
        "SERVER_ERROR out of memory\r\n",
        "\r\n",
        "",
    ] {
        let server = Scripted::start(Script::new().expect_line().send(lie).close()).unwrap();
        let builder = hasty(&server.address()).credentials("ann", "secret");

        let error = failed(builder).await;

        assert!(!whole(&error).contains("secret"), "{lie:?}: {}", whole(&error));
    }
}
