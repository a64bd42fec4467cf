//! Hostile keys and values, crossed with every operation, over a recording server and a real one.

use std::collections::BTreeSet;

use memclient::{
    CasToken, Client, Delivery, Dialect, Error, KeyError, ReplyEnd, Result, Ttl, Value,
};
use memclient_tests::{Memcached, Request};

use super::{
    HARMLESS, Recorder, assert_refused, hostile, is_word,
    operations::{Operation, of_the_backend, of_the_client},
};
use crate::security::within;

/// The dialects that a client can be told to speak, and whether it takes unicode keys.
const CLIENTS: [(Dialect, bool); 4] = [
    (Dialect::Meta, false),
    (Dialect::Meta, true),
    (Dialect::Classic, false),
    (Dialect::Classic, true),
];

#[tokio::test]
async fn a_key_is_refused_by_every_operation_or_is_the_key_and_nothing_else() {
    let mut tries = 0;
    for (dialect, unicode) in CLIENTS {
        let server = Recorder::start();
        let client = server.builder().dialect(dialect).allow_unicode_keys(unicode);
        let client = client.build().unwrap();
        for operation in of_the_client() {
            tries += cross(&server, &client, operation, unicode).await;
        }
        for operation in of_the_backend() {
            tries += cross(&server, &client, operation, true).await;
        }
    }
    assert!(tries > 10_000, "only {tries} tries");
}

#[tokio::test]
async fn a_prefix_counts_into_the_length_of_every_key() {
    let server = Recorder::start();
    let prefix = "p".repeat(100);
    let client = server.builder().key_prefix(prefix.as_str()).build().unwrap();

    for (name, call) in of_the_client() {
        for key in [&[b'k'; 151][..], &[b'k'; 250], b""] {
            let error = call(&client, key).await.unwrap_err();
            let expected = match key.len() {
                0 => KeyError::Empty,
                length => KeyError::TooLong { length, prefix: 100 },
            };
            assert_eq!(error.as_key_error(), Some(&expected), "{name}");
            assert_refused(&error, name);
        }
    }
    server.heard_nothing(&client, "keys that are too long behind the prefix").await;
    let longest = "k".repeat(150);
    assert_eq!(client.get(&longest).await.unwrap(), None);
    assert_eq!(server.take()[0].words()[1], prefix + &longest);
}

#[tokio::test]
async fn a_hostile_key_in_a_batch_leaves_the_others_as_they_are() {
    let server = Recorder::start();
    let client = server.builder().build().unwrap();

    for text in hostile().into_iter().filter(|text| complaint(text, false).is_some()) {
        let what = text.escape_ascii().to_string();

        let places = places_of_every_batch(&client, &[b"one", &text, b"two"]).await;

        assert_eq!(places, vec![[true, false, true]; 7], "{what}");
        // A key that is not found may be asked for again.
        let keys: Vec<String> = server.take().iter().flat_map(keys_of).collect();
        assert!(keys.len() >= 14 && keys.iter().all(|key| ["one", "two"].contains(&&**key)));
    }
}

#[tokio::test]
async fn a_value_is_data_and_nothing_else() {
    for dialect in [Dialect::Meta, Dialect::Classic] {
        let server = Recorder::start();
        let client = server.builder().dialect(dialect).build().unwrap();
        for text in hostile() {
            let what = text.escape_ascii().to_string();
            let value = || Value::new(text.clone(), 0);
            let (key, ttl, cas) = (HARMLESS, Ttl::Never, CasToken::new(1));
            let outcomes = [
                client.set(key, value(), ttl).await.map(drop),
                client.add(key, value(), ttl).await.map(drop),
                client.replace(key, value(), ttl).await.map(drop),
                client.append(key, value()).await.map(drop),
                client.prepend(key, value()).await.map(drop),
                client.cas(key, value(), ttl, cas).await.map(drop),
                client.set_many([(key, value())], ttl).await.remove(0).map(drop),
                client.unconfirmed().set(key, value(), ttl).await,
            ];
            assert!(outcomes.iter().all(Result::is_ok), "{what}: {outcomes:?}");
            client.barrier().await;

            let heard = server.take();
            assert_eq!(heard.len(), 8, "{what}: {heard:?}");
            for request in heard {
                assert_eq!(request.words()[1], HARMLESS, "{what}");
                assert_eq!(request.data.as_ref(), Some(&text), "{what}");
            }
        }
    }
}

#[tokio::test]
async fn a_real_server_keeps_what_nobody_named() {
    let server = Memcached::start().await.unwrap();
    server.raw("set canary 0 0 4\r\nsafe\r\n").await.unwrap();
    let allowed: BTreeSet<Vec<u8>> = hostile()
        .into_iter()
        .filter(|text| complaint(text, true).is_none())
        .chain([b"canary".to_vec()])
        .collect();

    for (dialect, unicode) in CLIENTS {
        let client = server.client_builder().dialect(dialect).allow_unicode_keys(unicode);
        let client = client.build().unwrap();
        for (name, call) in of_the_client().into_iter().chain(of_the_backend()) {
            for text in hostile() {
                let outcome = within(call(&client, &text)).await;
                let what = format!("{name} \"{}\"", text.escape_ascii());
                // What the server has to say of a key is no matter here; that it answered each
                // command once is.
                if let Err(error) = outcome {
                    assert!(!error.is_protocol() && !error.is_closed(), "{what}: {error:?}");
                    assert_ne!(error.delivery(), Delivery::Unknown, "{what}: {error:?}");
                }
            }
            within(client.barrier()).await;
        }
        assert_eq!(server.item("canary").await.unwrap().unwrap().data, b"safe");
        let dump = client.raw_command("lru_crawler metadump all", ReplyEnd::End).await.unwrap();
        for line in String::from_utf8(dump.to_vec()).unwrap().lines() {
            let key = line.strip_prefix("key=").and_then(|rest| rest.split(' ').next());
            let key = decoded(key.unwrap_or_else(|| panic!("{line}")));
            assert!(allowed.contains(&key), "{}", key.escape_ascii());
        }
    }
    assert_eq!(server.stat("cmd_flush").await.unwrap().as_deref(), Some("0"));
}

/// Calls an operation with every hostile text, and returns how often.
async fn cross(
    server: &Recorder,
    client: &Client,
    (name, call): Operation,
    unicode: bool,
) -> usize {
    let harmless = call(client, HARMLESS.as_bytes()).await;
    client.barrier().await;
    let expected = said(&server.take(), HARMLESS.as_bytes());
    if let Err(error) = &harmless {
        assert!(error.is_unsupported() && expected.is_empty(), "{name}: {error:?}");
    }
    let texts = hostile();
    for text in &texts {
        let what = format!("{name} \"{}\"", text[..text.len().min(300)].escape_ascii());
        let outcome = call(client, text).await;
        client.barrier().await;
        match complaint(text, unicode) {
            None => {
                assert_eq!(outcome.is_ok(), harmless.is_ok(), "{what}: {outcome:?}");
                assert_eq!(said(&server.take(), text), expected, "{what}");
            }
            Some(complaint) => refused(outcome, complaint, name, &what),
        }
    }
    server.heard_nothing(client, name).await;
    texts.len()
}

#[track_caller]
fn refused(outcome: Result<()>, complaint: KeyError, name: &str, what: &str) {
    let error: Error = outcome.expect_err(what);
    assert_eq!(error.as_key_error(), Some(&complaint), "{what}");
    assert_refused(&error, what);
    // Keys for a backend are made before, and belong to no command yet.
    let command = error.command().unwrap_or("backend");
    assert!(name.contains(command), "{command} in place of {what}");
}

/// Returns what is wrong with a key, if anything is.
fn complaint(key: &[u8], unicode: bool) -> Option<KeyError> {
    if key.is_empty() {
        return Some(KeyError::Empty);
    }
    if key.len() > 250 {
        return Some(KeyError::TooLong { length: key.len(), prefix: 0 });
    }
    let position = key.iter().position(|&byte| !is_word(&[byte], unicode))?;
    Some(match key[position] {
        0x80.. => KeyError::NonAscii { position },
        byte => KeyError::Forbidden { byte, position },
    })
}

/// Returns the words and the data of requests, each of which has to be about this key, without it
/// and without the numbers by which replies are known.
#[track_caller]
fn said(requests: &[Request], key: &[u8]) -> Vec<(String, Option<Vec<u8>>)> {
    let one = |request: &Request| {
        let mut words: Vec<_> = request.line.split(|&byte| byte == b' ').collect();
        let place = place_of_the_key(words[0]);
        assert_eq!(words.get(place), Some(&key), "{}", request.line.escape_ascii());
        words[place] = b"<key>";
        let is_opaque = |word: &[u8]| {
            word.strip_prefix(b"O").is_some_and(|rest| rest.iter().all(u8::is_ascii_digit))
        };
        words.retain(|word| !is_opaque(word));
        (words.join(&b' ').escape_ascii().to_string(), request.data.clone())
    };
    requests.iter().map(one).collect()
}

fn keys_of(request: &Request) -> Vec<String> {
    let words = request.words();
    let place = place_of_the_key(words[0].as_bytes());
    let is_classic_read = matches!(&*words[0], "get" | "gets" | "gat" | "gats");
    let end = if is_classic_read { words.len() } else { place + 1 };
    words[place..end].to_vec()
}

fn place_of_the_key(command: &[u8]) -> usize {
    if command.starts_with(b"gat") { 2 } else { 1 }
}

/// Returns for every operation on batches which of its outcomes are good.
async fn places_of_every_batch(client: &Client, keys: &[&[u8]]) -> Vec<Vec<bool>> {
    fn places<T>(outcomes: &[Result<T>]) -> Vec<bool> {
        outcomes.iter().map(Result::is_ok).collect()
    }
    let entries = keys.iter().map(|key| (key, "v"));
    vec![
        places(&client.get_many(keys).await),
        places(&client.gets_many(keys).await),
        places(&client.gat_many(keys, Ttl::Never).await),
        places(&client.gats_many(keys, Ttl::Never).await),
        places(&client.set_many(entries, Ttl::Never).await),
        places(&client.delete_many(keys).await),
        places(&client.touch_many(keys, Ttl::Never).await),
    ]
}

/// Decodes a key as the server's crawler writes it.
fn decoded(key: &str) -> Vec<u8> {
    let mut rest = key.bytes();
    let mut bytes = Vec::new();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digits: String = rest.by_ref().take(2).map(char::from).collect();
        bytes.push(u8::from_str_radix(&digits, 16).unwrap());
    }
    bytes
}
