//! Replies that arrive in two parts, cut at every byte.

use std::{fmt::Debug, future::Future};

use memclient::{
    CasToken, Client, Deleted, Dialect, ReplyEnd, Result, Stored, Touched, Ttl, Value,
};
use memclient_tests::{Script, Scripted};

/// Has each reply cut at every byte, each time on a connection of its own, and runs `call` there.
async fn check<F: Future<Output = ()>>(dialect: Dialect, reply: &str, call: impl Fn(Client) -> F) {
    let places = 1..reply.len();
    let script = |place| Script::new().greet().expect_line().split(reply, place).close();
    let server = Scripted::each(places.clone().map(script)).unwrap();
    for _ in places {
        let client = Client::builder().server(server.address()).dialect(dialect).build().unwrap();
        call(client).await;
    }
}

#[tokio::test]
async fn a_meta_value_is_whole() {
    check(Dialect::Meta, "VA 6 f7 O2\r\n\r\nEND\n\r\n", async |client| {
        let value = client.get("k").await.unwrap();
        assert_eq!(value, Some(Value::new("\r\nEND\n", 7)));
    })
    .await;
}

#[tokio::test]
async fn a_meta_item_is_whole() {
    check(Dialect::Meta, "VA 1 f7 c99 t60 O2\r\nv\r\n", async |client| {
        let item = client.gets("k").await.unwrap().unwrap();
        assert_eq!((item.cas, item.value), (CasToken::new(99), Value::new("v", 7)));
    })
    .await;
}

#[tokio::test]
async fn a_classic_value_is_whole() {
    check(Dialect::Classic, "VALUE k 7 6\r\n\r\nEND\n\r\nEND\r\n", async |client| {
        let value = client.get("k").await.unwrap();
        assert_eq!(value, Some(Value::new("\r\nEND\n", 7)));
    })
    .await;
}

#[tokio::test]
async fn classic_items_are_whole() {
    check(Dialect::Classic, "VALUE k 7 1 99\r\nv\r\nEND\r\n", async |client| {
        let item = client.gats("k", Ttl::Never).await.unwrap().unwrap();
        assert_eq!((item.cas, item.value), (CasToken::new(99), Value::new("v", 7)));
    })
    .await;
    let two = "VALUE a 0 1\r\nA\r\nVALUE c 0 1\r\nC\r\nEND\r\n";
    check(Dialect::Classic, two, async |client| {
        let answers = client.get_many(&["a", "b", "c"]).await;
        let values: Vec<_> = answers.into_iter().map(Result::unwrap).collect();
        assert_eq!(values, [Some(Value::new("A", 0)), None, Some(Value::new("C", 0))]);
    })
    .await;
}

#[tokio::test]
async fn values_of_a_batch_are_whole() {
    let two = "VALUE a 0 1\r\nA\r\nVALUE b 7 5\r\nEND\r\n\r\nEND\r\n";
    for dialect in [Dialect::Meta, Dialect::Classic] {
        check(dialect, two, async |client| {
            let values = all(client.get_many(&["a", "b"]).await);
            assert_eq!(values, [Some(Value::new("A", 0)), Some(Value::new("END\r\n", 7))]);
        })
        .await;
    }
}

#[tokio::test]
async fn answers_of_batches_are_whole() {
    for (dialect, set, deleted, touched, got) in [
        (
            Dialect::Meta,
            "HD O2\r\nNS O3\r\n",
            "HD O2\r\nNF O3\r\n",
            "EN O2\r\nHD O3\r\n",
            "VA 1 f7 c99 O2\r\nA\r\nEN O3\r\n",
        ),
        (
            Dialect::Classic,
            "STORED\r\nNOT_STORED\r\n",
            "DELETED\r\nNOT_FOUND\r\n",
            "NOT_FOUND\r\nTOUCHED\r\n",
            "VALUE a 7 1 99\r\nA\r\nEND\r\n",
        ),
    ] {
        let (keys, ttl) = (["a", "b"], Ttl::Never);
        check(dialect, set, async |client| {
            let outcomes = client.set_many(keys.map(|key| (key, "v")), ttl).await;
            assert_eq!(all(outcomes), [Stored::Stored, Stored::NotStored]);
        })
        .await;
        check(dialect, deleted, async |client| {
            let outcomes = client.delete_many(&keys).await;
            assert_eq!(all(outcomes), [Deleted::Deleted, Deleted::NotFound]);
        })
        .await;
        check(dialect, touched, async |client| {
            let outcomes = client.touch_many(&keys, ttl).await;
            assert_eq!(all(outcomes), [Touched::NotFound, Touched::Touched]);
        })
        .await;
        check(dialect, got, async |client| {
            let items = all(client.gats_many(&keys, ttl).await);
            let values =
                items.into_iter().map(|item| item.map(|item| (item.value, item.cas.get())));
            assert_eq!(values.collect::<Vec<_>>(), [Some((Value::new("A", 7), 99)), None]);
        })
        .await;
    }
}

fn all<T>(outcomes: Vec<Result<T>>) -> Vec<T> {
    outcomes.into_iter().map(Result::unwrap).collect()
}

#[tokio::test]
async fn lines_of_the_meta_dialect_are_whole() {
    for (command, reply, outcome) in [
        ("get", "EN O2", "None"),
        ("gets", "EN O2", "None"),
        ("gat", "EN O2", "None"),
        ("gats", "EN O2", "None"),
        ("set", "HD O2", "Stored"),
        ("add", "HD O2", "Stored"),
        ("add", "NS O2", "NotStored"),
        ("replace", "NS O2", "NotStored"),
        ("append", "NS O2", "NotStored"),
        ("prepend", "HD O2", "Stored"),
        ("cas", "HD O2", "Stored"),
        ("cas", "EX O2", "Exists"),
        ("cas", "NF O2", "NotFound"),
        ("delete", "HD O2", "Deleted"),
        ("delete", "NF O2", "NotFound"),
        ("delete_if", "EX O2", "Exists"),
        ("touch", "HD O2", "Touched"),
        ("touch", "EN O2", "NotFound"),
        ("incr", "VA 2 O2\r\n42", "Some(42)"),
        ("incr", "NF O2", "None"),
        ("decr", "VA 1 O2\r\n0", "Some(0)"),
        ("meta_of", "EN", "None"),
        ("meta_of", "ME k exp=-1 la=0 cas=1 fetch=no cls=1 size=63", "63 bytes"),
    ] {
        check_line(Dialect::Meta, command, reply, outcome).await;
    }
}

#[tokio::test]
async fn lines_of_the_classic_dialect_are_whole() {
    for (command, reply, outcome) in [
        ("get", "END", "None"),
        ("gets", "END", "None"),
        ("gat", "END", "None"),
        ("gats", "END", "None"),
        ("set", "STORED", "Stored"),
        ("set", "NOT_STORED", "NotStored"),
        ("add", "NOT_STORED", "NotStored"),
        ("replace", "STORED", "Stored"),
        ("append", "NOT_STORED", "NotStored"),
        ("prepend", "STORED", "Stored"),
        ("cas", "STORED", "Stored"),
        ("cas", "EXISTS", "Exists"),
        ("cas", "NOT_FOUND", "NotFound"),
        ("delete", "DELETED", "Deleted"),
        ("delete", "NOT_FOUND", "NotFound"),
        ("touch", "TOUCHED", "Touched"),
        ("touch", "NOT_FOUND", "NotFound"),
        ("incr", "42", "Some(42)"),
        ("incr", "NOT_FOUND", "None"),
        ("decr", "0", "Some(0)"),
    ] {
        check_line(Dialect::Classic, command, reply, outcome).await;
    }
}

#[tokio::test]
async fn lines_about_servers_are_whole() {
    for (command, reply, outcome) in [
        ("version", "VERSION 1.6.45", "1.6.45"),
        ("flush_all", "OK", "()"),
        ("verbosity", "OK", "()"),
        ("cache_memlimit", "OK", "()"),
        ("cache_memlimit", "MEMLIMIT_TOO_SMALL 1", "refused: MEMLIMIT_TOO_SMALL 1"),
        ("shutdown", "ERROR: shutdown not enabled", "refused: ERROR : shutdown not enabled"),
        ("stats", "STAT pid 7\r\nITEM k [2 b; 0 s]\r\nEND", "2 lines"),
        ("stats", "RESET", "0 lines"),
        ("raw_command", "MN", "MN"),
        ("raw_block", "key=a exp=-1\r\nEND", "key=a exp=-1"),
    ] {
        check_line(Dialect::Auto, command, reply, outcome).await;
    }
}

#[tokio::test]
async fn error_lines_are_whole() {
    for (reply, outcome) in [
        ("SERVER_ERROR out of memory storing object", "refused: out of memory storing object"),
        ("SERVER_ERROR object too large for cache", "refused: object too large for cache"),
        ("CLIENT_ERROR bad command line format", "refused: bad command line format"),
        ("ERROR", "refused: ERROR"),
    ] {
        for dialect in [Dialect::Meta, Dialect::Classic] {
            for command in ["get", "gets", "gat", "set", "cas", "delete", "touch", "incr", "stats"]
            {
                check_line(dialect, command, reply, outcome).await;
            }
        }
    }
}

#[tokio::test]
async fn the_answers_before_the_first_call_are_whole() {
    let (stored, version) = ("STORED\r\n", "VERSION 1.6.18\r\n");
    let stats = "STAT pid 7\r\nSTAT uptime 1\r\nSTAT time 9\r\nEND\r\n";
    let mut scripts = Vec::new();
    for place in 1..stored.len() {
        let script = Script::new().expect_line().expect_line().split(stored, place);
        scripts.push(script.greet().expect_line().send("EN O3\r\n"));
    }
    for place in 1..version.len() {
        let script = Script::new().expect_line().expect_line().send(stored);
        let script = script.expect("version\r\n").split(version, place);
        let script = script.expect("stats\r\n").send(stats);
        scripts.push(script.expect_line().send("EN O3\r\n"));
    }
    for place in 1..stats.len() {
        let script = Script::new().expect_line().expect_line().send(stored);
        let script = script.expect("version\r\n").send(version);
        let script = script.expect("stats\r\n").split(stats, place);
        scripts.push(script.expect_line().send("EN O3\r\n"));
    }
    let server = Scripted::each(scripts.clone()).unwrap();
    for _ in &scripts {
        let client = Client::builder().server(server.address()).credentials("ann", "secret");
        assert_eq!(client.build().unwrap().get("k").await.unwrap(), None);
    }
}

/// Has one line, or a few with the last line end left out, cut at every byte.
async fn check_line(dialect: Dialect, command: &str, reply: &str, expected: &str) {
    check(dialect, &format!("{reply}\r\n"), async |client| {
        let outcome = outcome(&client, command).await;
        assert_eq!(outcome, expected, "{dialect:?} {command} {reply}");
    })
    .await;
}

/// Returns what the operation with this name comes to.
async fn outcome(client: &Client, command: &str) -> String {
    let (ttl, cas) = (Ttl::Never, CasToken::new(1));
    match command {
        "get" => shown(client.get("k").await),
        "gets" => shown(client.gets("k").await),
        "gat" => shown(client.gat("k", ttl).await),
        "gats" => shown(client.gats("k", ttl).await),
        "set" => shown(client.set("k", "v", ttl).await),
        "add" => shown(client.add("k", "v", ttl).await),
        "replace" => shown(client.replace("k", "v", ttl).await),
        "append" => shown(client.append("k", "v").await),
        "prepend" => shown(client.prepend("k", "v").await),
        "cas" => shown(client.cas("k", "v", ttl, cas).await),
        "delete" => shown(client.delete("k").await),
        "delete_if" => shown(client.delete_if("k", cas).await),
        "touch" => shown(client.touch("k", ttl).await),
        "incr" => shown(client.incr("k", 1).await),
        "decr" => shown(client.decr("k", 1).await),
        "meta_of" => match client.meta_of("k").await {
            Ok(Some(info)) => format!("{} bytes", info.size),
            other => shown(other),
        },
        "version" => client.version().await.unwrap(),
        "flush_all" => shown(client.flush_all().await),
        "verbosity" => shown(client.verbosity(1).await),
        "cache_memlimit" => shown(client.cache_memlimit(1).await),
        "shutdown" => shown(client.shutdown().await),
        "stats" => match client.stats().await.remove(0).1 {
            Ok(stats) => format!("{} lines", stats.len()),
            Err(error) => shown::<()>(Err(error)),
        },
        "raw_command" => text(&client.raw_command("mn", ReplyEnd::Line).await.unwrap()),
        "raw_block" => text(&client.raw_command("lru_crawler", ReplyEnd::End).await.unwrap()),
        other => panic!("no such command: {other}"),
    }
}

fn shown<T: Debug>(outcome: Result<T>) -> String {
    match outcome {
        Ok(outcome) => format!("{outcome:?}"),
        Err(error) => match error.server_message() {
            Some(words) => format!("refused: {words}"),
            None => error.to_string(),
        },
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim_end().to_owned()
}
