//! Servers that lie to several callers at once: nobody gets a wrong answer, and the next call is
//! right.

use std::sync::{
    Arc,
    atomic::{AtomicU64, AtomicUsize, Ordering},
};

use fastrand::Rng;
use memclient::{Client, Error, Ttl};
use memclient_tests::{Gate, Request, Script, Scripted, seed};
use tokio::task::JoinSet;

use super::{assert_own, patient, put, until_ok, within};

const CALLERS: usize = 8;
const CALLS: usize = 20;

/// How often each lie is told, each time at another place.
const PLACES: usize = 5;

/// What the liar makes of the right answer; nothing where it cannot lie so.
type Lie = fn(right: &str) -> Option<String>;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_an_end_too_many_every_answer_is_right() {
    check("END too many", |right| Some(format!("{right}END\r\n"))).await;
    check("END too early", |right| Some(format!("END\r\n{right}"))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_miss_too_many_every_answer_is_right() {
    check("EN too many", |right| Some(format!("{right}EN\r\n"))).await;
    check("EN too early", |right| Some(format!("EN\r\n{right}"))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_foreign_opaque_every_answer_is_right() {
    check("foreign opaque", |right| right.contains(" O").then(|| right.replace(" O", " O9"))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_value_of_another_key_every_answer_is_right() {
    check("foreign key", |right| {
        let foreign = right.replace("VALUE key:", "VALUE yek:");
        (foreign != right).then_some(foreign)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_an_unknown_word_every_answer_is_right() {
    check("unknown word", |_| Some("WHAT\r\n".into())).await;
    check("unknown word behind", |right| Some(format!("{right}WHAT\r\n"))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_doubled_reply_every_answer_is_right() {
    check("doubled reply", |right| Some(right.repeat(2))).await;
}

#[tokio::test]
async fn bytes_that_come_while_nothing_is_asked_reach_nobody() {
    for extra in ["END\r\n", "EN\r\n", "VA 6 f0 O3\r\nforged\r\n", "HD O3\r\n", "x"] {
        let gate = Gate::new();
        let idle = Script::new().greet().expect_line().send("EN O2\r\n");
        let liar = idle.wait(&gate).send(extra);
        let good = Script::new().greet().expect_line().send("VA 4 f0 O2\r\nkey|\r\n");
        let server = Scripted::each([liar, good]).unwrap();
        let client = patient(&server.address()).max_pool_size(1).build().unwrap();
        assert_eq!(within(client.get("none")).await.unwrap(), None);

        gate.open();
        // What was promised holds before and after the bytes arrive; this is after.
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;

        let value = within(client.get("key")).await.unwrap().expect("it is no miss");
        assert_own("key", &value);
        assert_eq!(server.accepts(), 2, "{extra:?}");
    }
}

/// Tells the lie on the first connection, each time at another place, to callers who read and
/// write.
async fn check(name: &str, lie: Lie) {
    let mut rng = Rng::with_seed(seed(name));
    let (mut failed, mut told) = (0, 0);
    for _ in 0..PLACES {
        let place = rng.usize(1..CALLS);
        let lies = Arc::new(AtomicUsize::new(0));
        let server = liar(lie, place, Arc::clone(&lies));
        let client = patient(&server.address()).max_pool_size(1).build().unwrap();
        let failures = Arc::new(AtomicU64::new(0));
        let mut tasks = JoinSet::new();
        for caller in 0..CALLERS {
            let (client, failures) = (client.clone(), Arc::clone(&failures));
            tasks.spawn(async move { call(&client, caller, &failures).await });
        }
        while let Some(ended) = within(tasks.join_next()).await {
            ended.expect("every answer is right");
        }
        assert_eq!(lies.load(Ordering::SeqCst), 1, "the lie was told");
        assert!((1..=2).contains(&server.accepts()), "{} dials", server.accepts());
        failed += failures.load(Ordering::SeqCst);
        told += 1;
        put(&client, "key:0", 10).await;
        until_ok(|| client.get("key:0")).await.expect("it is no miss");
    }
    println!("in step: {name}: told {told} times, {failed} calls failed, none was wrong");
}

/// Reads and writes the caller's own key; after a failure, the next call must be right.
async fn call(client: &Client, caller: usize, failures: &AtomicU64) {
    let key = format!("key:{caller}");
    let mut failed_before = false;
    for number in 0..CALLS {
        let outcome = if number % 4 == 3 {
            client.set(&key, "v", Ttl::Never).await.map(|stored| assert!(stored.is_stored()))
        } else {
            let found = client.get(&key).await;
            found.map(|value| assert_own(&key, &value.expect("no key is missing")))
        };
        if let Err(error) = &outcome {
            assert!(is_typed(error), "{error:?}");
            assert!(!failed_before, "the call after a lie fails too: {error:?}");
            failures.fetch_add(1, Ordering::SeqCst);
        }
        failed_before = outcome.is_err();
    }
}

fn is_typed(error: &Error) -> bool {
    error.is_protocol() || error.is_closed()
}

/// Starts a server that has every key, each with itself as its value, and lies once.
fn liar(lie: Lie, place: usize, lies: Arc<AtomicUsize>) -> Scripted {
    let requests = AtomicUsize::new(0);
    Scripted::answering(move |request| {
        let right = right(request);
        if request.connection > 0 || requests.fetch_add(1, Ordering::SeqCst) < place {
            return right;
        }
        if lies.load(Ordering::SeqCst) > 0 {
            return right;
        }
        let Some(lie) = lie(&right) else { return right };
        lies.fetch_add(1, Ordering::SeqCst);
        lie
    })
    .unwrap()
}

fn right(request: &Request) -> String {
    let words = request.words();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["mg", key, .., opaque] => format!("VA {} f0 {opaque}\r\n{key}|\r\n", key.len() + 1),
        ["ms", .., opaque] => format!("HD {opaque}\r\n"),
        ["get", ref keys @ ..] => {
            let value = |key: &&str| format!("VALUE {key} 0 {}\r\n{key}|\r\n", key.len() + 1);
            keys.iter().map(value).collect::<String>() + "END\r\n"
        }
        _ => "VERSION 1.6.18\r\n".into(),
    }
}
