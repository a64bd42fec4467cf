//! What the server's error lines come to, command by command: a typed error with the server's words,
//! and a connection that is kept where the stream is in step.

use std::{
    collections::HashSet,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use memclient::{CasToken, Client, Delivery, Dialect, ReplyEnd, Result, Ttl};
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
    /// On a connection of its own, which ends with it.
    Alone,
}

const COMMANDS: [(&str, Kind); 31] = [
    ("get", Kind::Line),
    ("gets", Kind::Line),
    ("gat", Kind::Line),
    ("gats", Kind::Line),
    ("get_many", Kind::Line),
    ("gets_many", Kind::Line),
    ("gat_many", Kind::Line),
    ("gats_many", Kind::Line),
    ("delete", Kind::Line),
    ("delete_if", Kind::Line),
    ("delete_many", Kind::Line),
    ("touch", Kind::Line),
    ("touch_many", Kind::Line),
    ("incr", Kind::Line),
    ("incr_or_init", Kind::Line),
    ("decr", Kind::Line),
    ("set", Kind::Data),
    ("set_many", Kind::Data),
    ("add", Kind::Data),
    ("replace", Kind::Data),
    ("append", Kind::Data),
    ("prepend", Kind::Data),
    ("cas", Kind::Data),
    ("meta_of", Kind::Server),
    ("stats", Kind::Server),
    ("version", Kind::Server),
    ("flush_all", Kind::Server),
    ("cache_memlimit", Kind::Server),
    ("verbosity", Kind::Server),
    ("shutdown", Kind::Alone),
    ("raw_command", Kind::Alone),
];

/// The commands that the classic dialect has no word for.
const META_ONLY: [&str; 3] = ["delete_if", "incr_or_init", "meta_of"];

/// Returns each command in each dialect that has it.
fn commands() -> impl Iterator<Item = (Dialect, &'static str, Kind)> {
    let both = [META, CLASSIC].into_iter();
    both.flat_map(|dialect| COMMANDS.map(|(command, kind)| (dialect, command, kind)))
        .filter(|(dialect, command, _)| *dialect == META || !META_ONLY.contains(command))
}

async fn call(client: &Client, command: &str) -> Result<()> {
    let (ttl, cas) = (Ttl::Never, CasToken::new(1));
    match command {
        "get" => client.get("k").await.map(drop),
        "gets" => client.gets("k").await.map(drop),
        "gat" => client.gat("k", ttl).await.map(drop),
        "gats" => client.gats("k", ttl).await.map(drop),
        "get_many" => client.get_many(&["k"]).await.remove(0).map(drop),
        "gets_many" => client.gets_many(&["k"]).await.remove(0).map(drop),
        "gat_many" => client.gat_many(&["k"], ttl).await.remove(0).map(drop),
        "gats_many" => client.gats_many(&["k"], ttl).await.remove(0).map(drop),
        "delete" => client.delete("k").await.map(drop),
        "delete_if" => client.delete_if("k", cas).await.map(drop),
        "delete_many" => client.delete_many(&["k"]).await.remove(0).map(drop),
        "touch" => client.touch("k", ttl).await.map(drop),
        "touch_many" => client.touch_many(&["k"], ttl).await.remove(0).map(drop),
        "incr" => client.incr("k", 1).await.map(drop),
        "incr_or_init" => client.incr_or_init("k", 1, 0, ttl).await.map(drop),
        "decr" => client.decr("k", 1).await.map(drop),
        "set" => client.set("k", "v", ttl).await.map(drop),
        "set_many" => client.set_many([("k", "v")], ttl).await.remove(0).map(drop),
        "add" => client.add("k", "v", ttl).await.map(drop),
        "replace" => client.replace("k", "v", ttl).await.map(drop),
        "append" => client.append("k", "v").await.map(drop),
        "prepend" => client.prepend("k", "v").await.map(drop),
        "cas" => client.cas("k", "v", ttl, cas).await.map(drop),
        "meta_of" => client.meta_of("k").await.map(drop),
        "stats" => client.stats().await.remove(0).1.map(drop),
        "version" => client.version().await.map(drop),
        "flush_all" => client.flush_all().await,
        "cache_memlimit" => client.cache_memlimit(64).await,
        "verbosity" => client.verbosity(1).await,
        "shutdown" => client.shutdown().await,
        "raw_command" => client.raw_command("mn", ReplyEnd::End).await.map(drop),
        other => panic!("no such command: {other}"),
    }
}

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

const UNCONFIRMED: [(&str, Kind); 9] = [
    ("set", Kind::Data),
    ("add", Kind::Data),
    ("replace", Kind::Data),
    ("append", Kind::Data),
    ("prepend", Kind::Data),
    ("delete", Kind::Line),
    ("touch", Kind::Line),
    ("incr", Kind::Line),
    ("decr", Kind::Line),
];

async fn send(client: &Client, command: &str) -> Result<()> {
    let (client, ttl) = (client.unconfirmed(), Ttl::Never);
    match command {
        "set" => client.set("k", "v", ttl).await,
        "add" => client.add("k", "v", ttl).await,
        "replace" => client.replace("k", "v", ttl).await,
        "append" => client.append("k", "v").await,
        "prepend" => client.prepend("k", "v").await,
        "delete" => client.delete("k").await,
        "touch" => client.touch("k", ttl).await,
        "incr" => client.incr("k", 1).await,
        "decr" => client.decr("k", 1).await,
        other => panic!("no such command: {other}"),
    }
}
