//! What the server's error lines come to, command by command: a typed error with the server's words,
//! and a connection that is kept where the stream is in step.

use std::sync::atomic::{AtomicBool, Ordering};

use memclient::{CasToken, Client, Delivery, Dialect, Result, Ttl};
use memclient_tests::{Request, Scripted};

const META: Dialect = Dialect::Meta;
const CLASSIC: Dialect = Dialect::Classic;

/// What of a command decides whether the stream goes on after an error line.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    /// A line, in the dialect of the connection.
    Line,
    /// With a data block, which the server may take for commands.
    Data,
    /// A line that is the same in both dialects.
    Server,
}

const COMMANDS: [(&str, Kind); 17] = [
    ("get", Kind::Line),
    ("gets", Kind::Line),
    ("gat", Kind::Line),
    ("gats", Kind::Line),
    ("delete", Kind::Line),
    ("touch", Kind::Line),
    ("incr", Kind::Line),
    ("decr", Kind::Line),
    ("set", Kind::Data),
    ("add", Kind::Data),
    ("replace", Kind::Data),
    ("append", Kind::Data),
    ("prepend", Kind::Data),
    ("cas", Kind::Data),
    ("stats", Kind::Server),
    ("flush_all", Kind::Server),
    ("verbosity", Kind::Server),
];

async fn call(client: &Client, command: &str) -> Result<()> {
    let (ttl, cas) = (Ttl::Never, CasToken::new(1));
    match command {
        "get" => client.get("k").await.map(drop),
        "gets" => client.gets("k").await.map(drop),
        "gat" => client.gat("k", ttl).await.map(drop),
        "gats" => client.gats("k", ttl).await.map(drop),
        "delete" => client.delete("k").await.map(drop),
        "touch" => client.touch("k", ttl).await.map(drop),
        "incr" => client.incr("k", 1).await.map(drop),
        "decr" => client.decr("k", 1).await.map(drop),
        "set" => client.set("k", "v", ttl).await.map(drop),
        "add" => client.add("k", "v", ttl).await.map(drop),
        "replace" => client.replace("k", "v", ttl).await.map(drop),
        "append" => client.append("k", "v").await.map(drop),
        "prepend" => client.prepend("k", "v").await.map(drop),
        "cas" => client.cas("k", "v", ttl, cas).await.map(drop),
        "stats" => client.stats().await.remove(0).1.map(drop),
        "flush_all" => client.flush_all().await,
        "verbosity" => client.verbosity(1).await,
        other => panic!("no such command: {other}"),
    }
}

/// Answers the first command with `line` and every later read with a miss; returns the error, after
/// holding the next call against what it must come to.
async fn error(dialect: Dialect, command: &str, line: &str, kept: bool) -> memclient::Error {
    let (reply, told) = (format!("{line}\r\n"), AtomicBool::new(false));
    let server = Scripted::answering(move |request: &Request| match &request.words()[..] {
        [version] if version == "version" => "VERSION 1.6.18\r\n".to_owned(),
        _ if !told.swap(true, Ordering::SeqCst) => reply.clone(),
        [mg, .., opaque] if mg == "mg" => format!("EN {opaque}\r\n"),
        _ => "END\r\n".to_owned(),
    })
    .unwrap();
    let client = Client::builder().server(server.address()).dialect(dialect).max_pool_size(1);
    let client = client.build().unwrap();

    let error = call(&client, command).await.expect_err(command);

    let next = client.get("next").await;
    assert_eq!(next.unwrap(), None, "{dialect:?} {command} {line}");
    let dials = if kept { 1 } else { 2 };
    assert_eq!(server.accepts(), dials, "{dialect:?} {command} {line}");
    error
}

async fn check(line: &str, words: &str, kept: impl Fn(Dialect, Kind) -> bool) {
    for dialect in [META, CLASSIC] {
        for (command, kind) in COMMANDS {
            let error = error(dialect, command, line, kept(dialect, kind)).await;
            assert!(error.is_server_error(), "{dialect:?} {command}: {error:?}");
            assert_eq!(error.server_message(), Some(words), "{dialect:?} {command}");
            assert_eq!(error.delivery(), Delivery::Refused);
            assert!(error.command().is_some_and(|told| command.starts_with(told)), "{error:?}");
            assert_eq!(error.is_too_large(), line.contains("too large"));
        }
    }
}

#[tokio::test]
async fn a_server_error_fails_one_call() {
    check("SERVER_ERROR out of memory storing object", "out of memory storing object", |_, _| true)
        .await;
}

#[tokio::test]
async fn a_value_that_is_too_large_fails_one_call() {
    let line = "SERVER_ERROR object too large for cache";
    check(line, "object too large for cache", |_, _| true).await;
}

#[tokio::test]
async fn a_client_error_ends_the_connection_only_where_a_data_block_may_follow() {
    let words = "bad command line format";
    check(&format!("CLIENT_ERROR {words}"), words, |_, kind| kind != Kind::Data).await;
}

#[tokio::test]
async fn an_unknown_command_ends_the_connection_where_the_server_is_not_what_it_said() {
    let kept = |dialect, kind| match kind {
        Kind::Data => false,
        Kind::Line => dialect == CLASSIC,
        Kind::Server => true,
    };
    check("ERROR", "ERROR", kept).await;
}

#[tokio::test]
async fn an_error_that_answers_nothing_ends_the_connection() {
    for dialect in [META, CLASSIC] {
        for (command, _) in COMMANDS {
            let error = error(dialect, command, "ERROR Too many open connections", false).await;
            assert!(error.is_protocol(), "{dialect:?} {command}: {error:?}");
            assert!(error.to_string().contains("Too many open connections"), "{error}");
            assert_eq!(error.delivery(), Delivery::Unknown);
        }
    }
}

#[tokio::test]
async fn a_word_of_another_command_ends_the_connection() {
    for dialect in [META, CLASSIC] {
        for (command, _) in COMMANDS {
            for word in ["WHAT", "RESETS", "error", "-1", "VALUE other 0 0\r\n", "BUSY"] {
                let error = error(dialect, command, word, false).await;
                assert!(error.is_protocol(), "{dialect:?} {command} {word}: {error:?}");
                assert!(error.to_string().contains(word.trim_end()), "{error}");
            }
        }
    }
}
