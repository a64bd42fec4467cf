//! Bad input ends in a typed error, costs no byte on the wire, and leaves the client working.

use std::{error::Error as _, time::Duration};

use bytes::Bytes;
use memclient::{CacheValue, CasToken, Client, Delivery, Error, Flags, Ttl, Value};
use memclient_serde::DecodeErrorKind;
use memclient_tests::{Memcached, Request, Scripted};
use serde::{Deserialize, Serialize};

/// Longer than the server's clock can count.
const CENTURY: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

#[tokio::test]
async fn a_life_beyond_2038_is_refused_by_every_operation_before_any_byte() {
    let server = honest();
    let client = Client::new(server.address()).unwrap();
    let cas = CasToken::new(1);

    for ttl in [Ttl::After(CENTURY), Ttl::After(Duration::MAX)] {
        let refused = [
            client.set("k", "v", ttl).await.map(drop),
            client.add("k", "v", ttl).await.map(drop),
            client.replace("k", "v", ttl).await.map(drop),
            client.cas("k", "v", ttl, cas).await.map(drop),
            client.touch("k", ttl).await.map(drop),
            client.set_many([("k", "v")], ttl).await.remove(0).map(drop),
            client.gat("k", ttl).await.map(drop),
            client.gats("k", ttl).await.map(drop),
            client.gat_many(&["k"], ttl).await.remove(0).map(drop),
            client.gats_many(&["k"], ttl).await.remove(0).map(drop),
            client.touch_many(&["k"], ttl).await.remove(0).map(drop),
            client.incr_or_init("k", 1, 0, ttl).await.map(drop),
            client.unconfirmed().set("k", "v", ttl).await,
            client.unconfirmed().touch("k", ttl).await,
        ];
        for outcome in refused {
            let error = outcome.unwrap_err();
            assert!(error.is_input(), "{error:?}");
            assert_eq!(error.delivery(), Delivery::NotSent);
            assert!(error.command().is_some(), "{error:?}");
            let reason = error.source().unwrap().to_string();
            assert!(reason.contains("2038"), "{reason}");
        }
        assert_eq!(client.get("good").await.unwrap(), None);
    }

    received_only_good_calls(&server, "good", 2);
}

#[tokio::test]
async fn a_value_over_the_clients_limit_is_refused_by_every_write_before_any_byte() {
    let server = honest();
    let client = Client::builder().server(server.address());
    let client = client.max_value_size(1024).build().unwrap();
    let value = || Value::new(vec![b'v'; 1025], 0);
    let ttl = Ttl::Never;

    let refused = [
        client.set("k", value(), ttl).await.map(drop),
        client.add("k", value(), ttl).await.map(drop),
        client.replace("k", value(), ttl).await.map(drop),
        client.append("k", value()).await.map(drop),
        client.prepend("k", value()).await.map(drop),
        client.cas("k", value(), ttl, CasToken::new(1)).await.map(drop),
        client.set_many([("k", value())], ttl).await.remove(0).map(drop),
    ];

    for outcome in refused {
        let error = outcome.unwrap_err();
        assert!(error.is_too_large(), "{error:?}");
        assert_eq!(error.delivery(), Delivery::NotSent);
        let text = error.to_string();
        assert!(text.contains("1025") && text.contains("1024"), "{text}");
    }
    assert_eq!(client.get("good").await.unwrap(), None);
    received_only_good_calls(&server, "good", 1);
}

#[tokio::test]
async fn what_a_dialect_has_no_word_for_is_refused_before_any_byte() {
    let server = Scripted::answering(|request| match &request.words()[..] {
        [version] if version == "version" => "VERSION 1.4.5\r\n",
        [get, ..] if get == "get" => "END\r\n",
        _ => "ERROR\r\n",
    })
    .unwrap();
    let client = Client::new(server.address()).unwrap();
    let (ttl, cas) = (Ttl::Never, CasToken::new(1));

    for (needed, outcome) in [
        ("1.6.10", client.delete_if("k", cas).await.map(drop)),
        ("1.6.10", client.incr_or_init("k", 1, 0, ttl).await.map(drop)),
        ("1.6.10", client.meta_of("k").await.map(drop)),
        ("1.5.3", client.gat("k", ttl).await.map(drop)),
        ("1.5.3", client.gats("k", ttl).await.map(drop)),
        ("1.5.3", client.gat_many(&["k"], ttl).await.remove(0).map(drop)),
        ("1.4.8", client.touch("k", ttl).await.map(drop)),
        ("1.4.8", client.touch_many(&["k"], ttl).await.remove(0).map(drop)),
        ("1.4.8", client.unconfirmed().touch("k", ttl).await),
    ] {
        let error = outcome.unwrap_err();
        assert!(error.is_unsupported() && !error.is_retryable(), "{error:?}");
        assert_eq!(error.delivery(), Delivery::NotSent);
        let text = error.to_string();
        assert!(text.contains(needed) && text.contains("1.4.5"), "{text}");
    }
    assert_eq!(client.get("good").await.unwrap(), None);

    assert_eq!(server.received(), b"version\r\nstats\r\nget good\r\n");
}

#[tokio::test]
async fn a_value_over_the_servers_limit_is_refused_in_its_words_and_the_connection_stays() {
    let server = Memcached::start().await.unwrap();
    let client = Client::builder().server(server.address());
    let client = client.max_pool_size(1).build().unwrap();
    let large = Value::new(vec![b'v'; 2 << 20], 0);
    let kept = client.set("k", "old", Ttl::Never).await.unwrap();
    assert!(kept.is_stored());
    let before = total_connections(&server).await;

    for _ in 0..3 {
        let error = client.set("k", large.clone(), Ttl::Never).await.unwrap_err();

        assert!(error.is_too_large() && error.is_server_error(), "{error:?}");
        assert_eq!(error.delivery(), Delivery::Refused);
        assert_eq!(error.server_message(), Some("object too large for cache"));
        assert_eq!(error.command(), Some("set"));
        assert_eq!(error.node(), client.servers().next());
        // As documented: the server has dropped what was there.
        assert_eq!(client.get("k").await.unwrap(), None);
        assert!(client.set("k", "new", Ttl::Never).await.unwrap().is_stored());
    }

    // The look itself is one more.
    assert_eq!(total_connections(&server).await, before + 1);
}

#[tokio::test]
async fn one_value_over_the_servers_limit_fails_its_own_entry_of_set_many() {
    let server = Memcached::start().await.unwrap();
    let client = Client::new(server.address()).unwrap();
    let entries = [
        ("a", Value::new("A", 0)),
        ("b", Value::new(vec![b'v'; 2 << 20], 0)),
        ("c", Value::new("C", 0)),
    ];

    let outcomes = client.set_many(entries, Ttl::Never).await;

    let [first, large, last] = &outcomes[..] else { panic!("not three outcomes: {outcomes:?}") };
    assert!(first.as_ref().unwrap().is_stored() && last.as_ref().unwrap().is_stored());
    assert!(large.as_ref().is_err_and(Error::is_too_large), "{large:?}");
    assert_eq!(client.get("c").await.unwrap(), Some(Value::new("C", 0)));
}

#[tokio::test]
async fn what_cannot_be_decoded_is_a_typed_error_and_the_client_goes_on() {
    let server = Memcached::start().await.unwrap();
    let client = Client::new(server.address()).unwrap();
    let point = Point { x: 1, name: "here".into() };
    let whole = Value::of(&point).unwrap();
    let cut = Value::new(whole.data().slice(..whole.len() - 1), whole.flags());
    let longer = Value::new([whole.data(), &b"x"[..]].concat(), whole.flags());
    let absurd = Value::new(vec![0xff; 64], Flags::BINCODE.bits());
    let (mismatch, corrupt) = (DecodeErrorKind::FormatMismatch, DecodeErrorKind::Corrupt);

    for (value, expected) in [
        (Value::of("text").unwrap(), &[mismatch][..]),
        (Value::of(7u64).unwrap(), &[mismatch]),
        (cut, &[corrupt, DecodeErrorKind::Limit]),
        (longer, &[DecodeErrorKind::TrailingBytes]),
        (absurd, &[corrupt, DecodeErrorKind::Limit]),
        (Value::new("\u{80}\u{4}N.", 1), &[DecodeErrorKind::UnsupportedFormat]),
        (Value::new("x", 8), &[corrupt]),
        (Value::new("x", 0x3000), &[DecodeErrorKind::UnsupportedCompression]),
    ] {
        assert!(client.set("k", value, Ttl::Never).await.unwrap().is_stored());
        let read = client.get("k").await.unwrap().unwrap();

        let error = read.decode::<Point>().unwrap_err();

        assert!(expected.contains(&error.kind()), "{read:?}: {error:?}");
        assert!(client.set("k", &point, Ttl::Never).await.unwrap().is_stored());
        let read = client.get("k").await.unwrap().unwrap();
        assert_eq!(read.decode::<Point>().unwrap(), point);
    }
}

#[tokio::test]
async fn text_that_is_no_utf_8_and_numbers_that_do_not_fit_are_typed_errors() {
    let server = Memcached::start().await.unwrap();
    let client = Client::new(server.address()).unwrap();
    let read = async |data: &'static [u8], flags: Flags| {
        let value = Value::new(Bytes::from_static(data), flags.bits());
        let stored = client.set("k", value, Ttl::Never).await.unwrap();
        assert!(stored.is_stored());
        client.get("k").await.unwrap().unwrap()
    };

    let text = read(b"\xff", Flags::TEXT).await;
    let number = read(b"256", Flags::INTEGER).await;
    let words = read(b"seven", Flags::INTEGER).await;

    assert!(text.decode::<String>().is_err_and(|error| error.is_corrupt()));
    assert!(text.decode_any().is_err_and(|error| error.is_corrupt()));
    assert!(number.decode::<u8>().is_err_and(|error| error.is_corrupt()));
    assert_eq!(number.decode::<u16>().unwrap(), 256);
    assert!(words.decode::<u64>().is_err_and(|error| error.is_corrupt()));
    let error = Error::from(text.decode::<String>().unwrap_err());
    assert!(error.is_decode() && error.as_decode_error().is_some());
}

#[derive(CacheValue, Clone, Debug, Deserialize, PartialEq, Serialize)]
struct Point {
    x: u64,
    name: String,
}

/// Starts a server that has no item and answers nothing but `version` and `mg`.
fn honest() -> Scripted {
    let answer = |request: &Request| match &request.words()[..] {
        [version] if version == "version" => "VERSION 1.6.18\r\n".to_owned(),
        [mg, .., opaque] if mg == "mg" => format!("EN {opaque}\r\n"),
        _ => "ERROR\r\n".to_owned(),
    };
    Scripted::answering(answer).unwrap()
}

/// Looks at every line that arrived: the handshake, and so many reads of the good key.
#[track_caller]
fn received_only_good_calls(server: &Scripted, key: &str, calls: usize) {
    let received = String::from_utf8(server.received()).unwrap();
    let good = format!("mg {key} ");
    let greeting = ["version", "stats"];
    let (greetings, rest): (Vec<_>, Vec<_>) =
        received.lines().partition(|line| greeting.contains(line));
    assert_eq!(greetings, greeting);
    assert!(rest.iter().all(|line| line.starts_with(&good)), "{rest:?}");
    assert_eq!(rest.len(), calls);
    assert_eq!(server.accepts(), 1);
}

async fn total_connections(server: &Memcached) -> u64 {
    let total = server.stat("total_connections").await.unwrap().unwrap();
    total.parse().unwrap()
}
