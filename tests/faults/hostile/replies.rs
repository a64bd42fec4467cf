//! A server whose replies are lies.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use memclient::{Client, Dialect, Error, Value};
use memclient_tests::{Peak, Script, Scripted};

use crate::HANG;

/// How much memory a lie may cost beyond the largest value that the client takes.
const ROOM: usize = 8 << 10;
const LARGEST: usize = 1 << 20;

#[tokio::test]
async fn no_lie_of_a_server_becomes_a_value() {
    println!("| lie | dialect | outcome | time | peak memory |");
    println!("|---|---|---|---|---|");
    for (dialect, lies) in [(Dialect::Meta, meta()), (Dialect::Classic, classic())] {
        for lie in lies {
            check(dialect, &lie).await;
        }
    }
}

struct Lie {
    name: &'static str,
    reply: Reply,
}

enum Reply {
    Once(Vec<u8>),
    /// The start, and then the same piece over and over.
    Flood(Vec<u8>, Vec<u8>),
    /// A byte a second.
    Drip(Vec<u8>),
}

fn meta() -> Vec<Lie> {
    let head = |size: &str| format!("VA {size} f0 t-1 c1 O2\r\n");
    let mut lies = both(&head, "VA 1 f0 kother O2\r\nx\r\n");
    lies.extend([
        once("an opaque number that is none", "VA 1 f0 Oxyz\r\nx\r\n"),
        once("an opaque number of another question", "VA 1 f0 O999\r\nx\r\n"),
        once("a size without a flag", "VA 1\r\nx\r\n"),
        once("a word that is none", "QQ O2\r\n"),
    ]);
    lies
}

fn classic() -> Vec<Lie> {
    let head = |size: &str| format!("VALUE k 0 {size}\r\n");
    let mut lies = both(&head, "VALUE other 0 1\r\nx\r\nEND\r\n");
    lies.extend([
        once("END without VALUE, twice", "END\r\nEND\r\n"),
        once("flags that are no number", "VALUE k flags 1\r\nx\r\nEND\r\n"),
        once("flags of 2^32", "VALUE k 4294967296 1\r\nx\r\nEND\r\n"),
        once("a value twice", "VALUE k 0 1\r\nx\r\nVALUE k 0 1\r\ny\r\nEND\r\n"),
        once("the answer to a write", "STORED\r\n"),
    ]);
    lies
}

/// The lies that both dialects can tell.
fn both(head: &dyn Fn(&str) -> String, other: &str) -> Vec<Lie> {
    let sizes = [
        ("a size of 2^63", "9223372036854775808"),
        ("a size of 2^64 - 1", "18446744073709551615"),
        ("a size beyond 2^64", "99999999999999999999999"),
        ("a size of 4 GiB", "4294967296"),
        ("a size below zero", "-1"),
        ("a size that is no number", "1x"),
        ("no size", ""),
    ];
    let mut lies: Vec<_> = sizes.map(|(name, size)| once(name, &(head(size) + "x\r\n"))).into();
    let flood = |name, start: String, piece: &[u8]| Lie {
        name,
        reply: Reply::Flood(start.into_bytes(), piece.to_vec()),
    };
    lies.extend([
        once("a value of another key", other),
        once("a value longer than it says", &(head("1") + "xyz\r\n")),
        once("a value without its end", &(head("1") + "x??END\r\n")),
        once("half a value", &(head("1000") + "x")),
        once("bytes that are no text", "\u{0}\u{1}\u{ff}\u{fe}\r\n"),
        once("an empty line", "\r\n"),
        flood("a line without an end", String::new(), &[b'a'; 4096]),
        flood("a flood of line ends", String::new(), &b"\r\n".repeat(2048)),
        flood("a flood of misses", String::new(), &b"EN\r\nEND\r\n".repeat(500)),
        flood("a flood as a value of 1 TiB", head("1099511627776"), &[b'x'; 4096]),
        Lie { name: "a byte a second", reply: Reply::Drip((head("1") + "x\r\n").into_bytes()) },
    ]);
    lies
}

fn once(name: &'static str, reply: &str) -> Lie {
    Lie { name, reply: Reply::Once(reply.as_bytes().to_vec()) }
}

async fn check(dialect: Dialect, lie: &Lie) {
    let script = Script::new().greet().expect_line();
    let script = match &lie.reply {
        Reply::Once(bytes) => script.send(bytes).sleep(Duration::from_millis(20)).close(),
        // 64 MiB: more than anybody may keep.
        Reply::Flood(start, piece) => {
            let block = Arc::new(piece.repeat((1 << 20) / piece.len()));
            (0..64).fold(script.send(start), |script, _| script.send(&*block))
        }
        Reply::Drip(bytes) => bytes
            .iter()
            .fold(script, |script, byte| script.send([*byte]).sleep(Duration::from_secs(1))),
    };
    let server = Scripted::start(script).unwrap();
    let client = Client::builder().server(server.address()).dialect(dialect);
    let client = client.max_pool_size(1).max_value_size(LARGEST);
    let client = client.timeout(Duration::from_millis(400)).build().unwrap();
    let (peak, began) = (Peak::begin(), Instant::now());

    let outcome = tokio::time::timeout(HANG, client.get("k")).await.expect("it hangs");

    let (time, peak) = (began.elapsed(), peak.growth());
    println!("| {} | {dialect:?} | {} | {time:.0?} | {peak} KiB |", lie.name, shown(&outcome));
    assert!(!matches!(outcome, Ok(Some(_))), "{}: {outcome:?}", lie.name);
    assert!(peak < (LARGEST >> 10) + ROOM, "{}: {peak} KiB", lie.name);
    // Nobody is answered from what a lie has left behind.
    let _ = tokio::time::timeout(HANG, client.get("k")).await.expect("it hangs");
    assert!(server.accepts() > 1, "{}: the connection is used again", lie.name);
}

fn shown(outcome: &Result<Option<Value>, Error>) -> &'static str {
    match outcome {
        Ok(Some(_)) => "a value",
        Ok(None) => "miss",
        Err(error) if error.is_timeout() => "time limit",
        Err(error) if error.is_too_large() => "too large",
        Err(error) if error.is_protocol() => "broken protocol",
        Err(error) if error.is_closed() => "closed",
        Err(_) => "other error",
    }
}
