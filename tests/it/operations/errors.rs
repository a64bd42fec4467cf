//! What the server's error lines come to, command by command: a typed error with the server's words,
//! and a connection that is kept where the stream is in step.

use std::{
    collections::HashSet,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use memclient::{Client, Delivery, Dialect};
use memclient_tests::{Request, Scripted};

use super::commands::{CLASSIC, Kind, META, UNCONFIRMED, call, commands, send};

/// Starts a server that answers the first command with `line` and every later read with a miss.
fn refusing(line: &str) -> Scripted {
    let (reply, told, greeted) = (format!("{line}\r\n"), AtomicBool::new(false), Mutex::default());
    Scripted::answering(move |request: &Request| match &request.words()[..] {
        [version] if version == "version" && greet(&greeted, request.connection) => {
            "VERSION 1.6.18\r\n".to_owned()
        }
        _ if !told.swap(true, Ordering::SeqCst) => reply.clone(),
        [mg, .., opaque] if mg == "mg" => format!("EN {opaque}\r\n"),
        _ => "END\r\n".to_owned(),
    })
    .unwrap()
}

/// Tells whether nobody was greeted on the connection yet.
fn greet(greeted: &Mutex<HashSet<usize>>, connection: usize) -> bool {
    greeted.lock().unwrap().insert(connection)
}

/// Has the first command answered with `line`; returns the error, after holding the next call
/// against what it must come to.
async fn error(dialect: Dialect, command: &str, line: &str, kept: bool) -> memclient::Error {
    let server = refusing(line);
    let client = Client::builder().server(server.address()).dialect(dialect).max_pool_size(1);
    let client = client.build().unwrap();

    let error = call(&client, command).await.expect_err(command);

    goes_on(&client, &server, kept, &format!("{dialect:?} {command} {line}")).await;
    error
}

/// Expects that the next call is answered, on the same connection where that is kept.
async fn goes_on(client: &Client, server: &Scripted, kept: bool, what: &str) {
    let next = client.get("next").await;
    assert_eq!(next.unwrap(), None, "{what}");
    assert_eq!(server.accepts(), if kept { 1 } else { 2 }, "{what}");
}

async fn check(line: &str, words: &str, kept: impl Fn(Dialect, Kind) -> bool) {
    for (dialect, command, kind) in commands() {
        let kept = kind != Kind::Alone && kept(dialect, kind);
        let error = error(dialect, command, line, kept).await;
        assert!(error.is_server_error(), "{dialect:?} {command}: {error:?}");
        assert_eq!(error.server_message(), Some(words), "{dialect:?} {command}");
        assert_eq!(error.delivery(), Delivery::Refused);
        let told = error.command().unwrap();
        assert!(command.starts_with(told) || command == "meta_of", "{error:?}");
        assert_eq!(error.is_too_large(), line.contains("too large"));
    }
}

#[tokio::test]
async fn a_server_error_fails_one_call() {
    for words in [
        "out of memory storing object",
        "out of memory reading request",
        "out of memory writing get response",
        "internal error",
        "",
    ] {
        check(format!("SERVER_ERROR {words}").trim_end(), words, |_, _| true).await;
    }
}

#[tokio::test]
async fn a_value_that_is_too_large_fails_one_call() {
    let line = "SERVER_ERROR object too large for cache";
    check(line, "object too large for cache", |_, _| true).await;
}

#[tokio::test]
async fn a_client_error_ends_the_connection_only_where_a_data_block_may_follow() {
    for words in [
        "bad command line format",
        "bad data chunk",
        "bad token in command line format",
        "invalid exptime argument",
        "invalid numeric delta argument",
        "cannot increment or decrement non-numeric value",
        "line too long",
        "",
    ] {
        let line = format!("CLIENT_ERROR {words}");
        check(line.trim_end(), words, |_, kind| kind != Kind::Data).await;
    }
}

#[tokio::test]
async fn an_unknown_command_ends_the_connection_where_the_server_is_not_what_it_said() {
    let kept = |dialect, kind| match kind {
        Kind::Data => false,
        Kind::Line => dialect == CLASSIC,
        Kind::Server | Kind::Alone => true,
    };
    check("ERROR", "ERROR", kept).await;
}

#[tokio::test]
async fn a_server_that_wants_credentials_all_of_a_sudden_is_an_error_of_authentication() {
    for (dialect, command, kind) in commands() {
        let kept = matches!(kind, Kind::Line | Kind::Server);
        let error = error(dialect, command, "CLIENT_ERROR unauthenticated", kept).await;
        assert!(error.is_auth(), "{dialect:?} {command}: {error:?}");
        assert_eq!(error.delivery(), Delivery::Refused);
    }
}

#[tokio::test]
async fn a_refused_command_and_its_data_taken_for_another_cost_the_connection_and_no_more() {
    for (dialect, command, kind) in commands() {
        if kind == Kind::Data {
            let both = "CLIENT_ERROR bad data chunk\r\nERROR";
            let error = error(dialect, command, both, false).await;
            assert_eq!(error.server_message(), Some("bad data chunk"), "{dialect:?} {command}");
        }
    }
}

#[tokio::test]
async fn an_error_that_answers_nothing_ends_the_connection() {
    for (dialect, command, kind) in commands() {
        let error = error(dialect, command, "ERROR Too many open connections", false).await;
        assert!(error.to_string().contains("Too many open connections"), "{error}");
        // Of a connection that has no other command, every line is the answer to that.
        if kind != Kind::Alone {
            assert!(error.is_protocol(), "{dialect:?} {command}: {error:?}");
            assert_eq!(error.delivery(), Delivery::Unknown);
        }
    }
}

#[tokio::test]
async fn a_word_of_another_command_ends_the_connection() {
    for (dialect, command, _) in commands().filter(|(_, command, _)| *command != "raw_command") {
        for word in ["WHAT", "RESETS", "error", "-1", "VALUE other 0 0\r\n", "BUSY"] {
            let error = error(dialect, command, word, false).await;
            assert!(error.is_protocol(), "{dialect:?} {command} {word}: {error:?}");
            assert!(error.to_string().contains(word.trim_end()), "{error}");
        }
    }
}

#[tokio::test]
async fn a_refused_write_that_nobody_waits_for_is_counted_and_answers_no_other_call() {
    for (line, data_kept, line_kept) in [
        ("SERVER_ERROR out of memory storing object", true, true),
        ("SERVER_ERROR object too large for cache", true, true),
        ("CLIENT_ERROR bad command line format", false, true),
        ("CLIENT_ERROR bad data chunk\r\nERROR", false, false),
        ("ERROR Too many open connections", false, false),
        ("WHAT", false, false),
    ] {
        for dialect in [META, CLASSIC] {
            for (command, kind) in UNCONFIRMED {
                let server = refusing(line);
                let client = Client::builder().server(server.address()).dialect(dialect);
                let client = client.max_pool_size(1).build().unwrap();

                send(&client, command).await.unwrap();

                let settled = client.barrier().await;
                assert_eq!((settled.sent, settled.failed), (1, 1), "{dialect:?} {command} {line}");
                let kept = if kind == Kind::Data { data_kept } else { line_kept };
                goes_on(&client, &server, kept, &format!("{dialect:?} {command} {line}")).await;
            }
        }
    }
}
