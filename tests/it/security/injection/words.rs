//! Hostile texts wherever else a user's bytes go into a line: words of `stats`, raw commands,
//! prefixes, numbers, credentials, URLs.

use std::{fmt::Write as _, time::Duration};

use memclient::{Client, Delivery, Error, ReplyEnd};
use memclient_tests::Request;

use super::{HARMLESS, Recorder, assert_refused, hostile, hostile_utf_8, is_word};

/// Longer than the server's clock can count.
const CENTURY: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

#[tokio::test]
async fn nothing_can_be_smuggled_through_the_words_of_stats() {
    let server = Recorder::start();
    let client = server.builder().build().unwrap();

    for text in hostile_utf_8() {
        for words in [&[&*text][..], &["items", &text], &[&text, "items"]] {
            let (_, outcome) = client.stats_of(words).await.remove(0);
            let what = format!("{:.300}", format!("{words:?}"));
            if is_word(text.as_bytes(), false) && text.len() <= 250 {
                outcome.unwrap();
                let heard = server.take();
                assert_eq!(heard.len(), 1, "{what}: {heard:?}");
                assert_eq!(heard[0].text(), format!("stats {}", words.join(" ")));
            } else {
                let error = outcome.unwrap_err();
                assert_refused(&error, &what);
                assert_eq!(error.command(), Some("stats"), "{what}");
            }
        }
    }
    server.heard_nothing(&client, "words of stats").await;
}

#[tokio::test]
async fn nothing_can_be_smuggled_through_a_raw_command() {
    let server = Recorder::start();
    let client = server.builder().build().unwrap();
    let more = [
        " version",
        "version\r\n",
        "version\r\nflush_all",
        "version\tx",
        // These would make the server wait for more, and take it from whoever comes next.
        "set k 0 0 100",
        "add k 0 0 100",
        "replace k 0 0 100",
        "append k 0 0 100",
        "prepend k 0 0 100",
        "cas k 0 0 100 1",
        "ms k 100",
        // And these have no reply.
        "delete k noreply",
        "flush_all noreply",
        "mg k v q",
        "md k q",
        "ma k q O2",
    ];
    let long = vec![b'x'; 2001];
    let behind = hostile().into_iter().map(|text| [b"get ", &text[..]].concat());
    let lines = hostile().into_iter().chain(behind).chain([long]);
    let lines = lines.chain(more.map(|line| line.as_bytes().to_vec()));

    for line in lines {
        for end in [ReplyEnd::Line, ReplyEnd::End] {
            let what = format!("{:.300}", line.escape_ascii().to_string());
            let is_line =
                (1..=2000).contains(&line.len()) && !line.iter().any(u8::is_ascii_control);
            let outcome = client.raw_command(&line, end).await;
            let refused = outcome.as_ref().is_err_and(Error::is_input);
            if refused {
                let error = outcome.unwrap_err();
                assert_refused(&error, &what);
                assert_eq!(error.command(), Some("raw_command"), "{what}");
                assert!(server.take().is_empty(), "{what}");
            } else {
                assert!(is_line && !more.map(str::as_bytes).contains(&&*line), "{what}");
                let heard = server.take();
                assert_eq!(heard.len(), 1, "{what}: {heard:?}");
                assert_eq!(heard[0].line, line, "{what}");
            }
        }
    }
    server.heard_nothing(&client, "raw commands").await;
}

#[tokio::test]
async fn nothing_can_be_smuggled_through_a_prefix() {
    for unicode in [false, true] {
        for text in hostile() {
            let what = text.escape_ascii().to_string();
            let server = Recorder::start();
            let builder = server.builder().allow_unicode_keys(unicode).key_prefix(text.clone());
            let fits = text.is_empty() || is_word(&text, unicode) && text.len() <= 100;
            match builder.build() {
                Ok(client) => {
                    assert!(fits, "{what}");
                    assert_eq!(client.get(HARMLESS).await.unwrap(), None, "{what}");
                    let start = [b"mg ", &text[..], HARMLESS.as_bytes(), b" "].concat();
                    let heard = server.take();
                    assert_eq!(heard.len(), 1, "{what}: {heard:?}");
                    assert!(heard[0].line.starts_with(&start), "{what}: {heard:?}");
                }
                Err(error) => {
                    assert!(!fits, "{what}: {error:?}");
                    assert_refused(&error, &what);
                    assert!(server.bytes().is_empty());
                }
            }
        }
    }
}

#[tokio::test]
async fn numbers_are_numbers_at_their_ends_too() {
    let server = Recorder::start();
    let client = server.builder().build().unwrap();

    for number in [0, 1, u32::MAX] {
        client.cache_memlimit(number).await.unwrap();
        client.verbosity(number).await.unwrap();
        let lines: Vec<_> = server.take().iter().map(Request::text).collect();
        assert_eq!(lines, [format!("cache_memlimit {number}"), format!("verbosity {number}")]);
    }
    let month = Duration::from_secs(30 * 24 * 60 * 60);
    for (delay, line) in [
        (Duration::ZERO, "flush_all"),
        (Duration::from_nanos(1), "flush_all 1"),
        (month, "flush_all 2592000"),
    ] {
        client.flush_all_after(delay).await.unwrap();
        let lines: Vec<_> = server.take().iter().map(Request::text).collect();
        assert_eq!(lines, [line]);
    }
    // The server reads a larger number as a date, and one that is too large as at once.
    client.flush_all_after(2 * month).await.unwrap();
    let date: u64 = server.take()[0].words()[1].parse().unwrap();
    assert!(date > 1_700_000_000, "{date}");
    for delay in [CENTURY, Duration::from_secs(1 << 32), Duration::MAX] {
        let error = client.flush_all_after(delay).await.unwrap_err();
        assert_refused(&error, "flush_all");
        assert_eq!(error.command(), Some("flush_all"));
    }
    server.heard_nothing(&client, "delays").await;
}

#[tokio::test]
async fn nothing_can_be_smuggled_through_credentials() {
    for text in hostile_utf_8() {
        for (user, password) in [(&*text, "secret"), ("ann", &text)] {
            let server = Recorder::start();
            let builder = server.builder().credentials(user, password);
            let length = user.len() + password.len();
            let fits = is_word(text.as_bytes(), true) && length <= 1024;
            shows_credentials(&server, builder.build(), fits, user, password).await;
        }
    }
}

#[tokio::test]
async fn nothing_can_be_smuggled_through_an_encoded_url() {
    for text in hostile_utf_8() {
        let encoded = encode(&text);
        for (user, password) in [(&*text, "secret"), ("ann", &text)] {
            let server = Recorder::start();
            let (host, length) = (server.address(), user.len() + password.len());
            let url = format!("memcache://{}:{}@{host}", encode(user), encode(password));
            let fits = is_word(text.as_bytes(), true) && length <= 1024;
            shows_credentials(&server, Client::new(url), fits, user, password).await;
        }
        for option in ["/{}", "/?key_prefix={}", "/?timeout={}", "/?{}=1", "/?dialect={}"] {
            let server = Recorder::start();
            let option = option.replace("{}", &encoded);
            let url = format!("memcache://{}{option}", server.address());
            asks_for_one_key(&server, Client::new(&url), &text).await;
        }
        // Whatever is taken for a host has no byte that could end a line; it gets no call.
        for url in [format!("memcache://{encoded}"), format!("memcache://h,{encoded}:1")] {
            if let Ok(client) = Client::new(&url) {
                let bytes = client.servers().any(|host| host.bytes().any(|byte| byte <= b' '));
                assert!(!bytes, "{url}");
            }
        }
    }
}

#[tokio::test]
async fn nothing_can_be_smuggled_through_a_url_as_it_is() {
    for text in hostile_utf_8() {
        for place in ["{}", "/{}", "/?key_prefix={}", "/?timeout={}", "/?{}", "?{}=1"] {
            let server = Recorder::start();
            let url = format!("memcache://{}{}", server.address(), place.replace("{}", &text));
            // A text that goes on with the port would name somebody else's.
            if place == "{}" && text.bytes().next().is_some_and(|byte| byte.is_ascii_digit()) {
                continue;
            }
            asks_for_one_key(&server, Client::new(&url), &text).await;
        }
    }
}

/// Expects that the client was not built, or that it shows its server exactly these credentials.
async fn shows_credentials(
    server: &Recorder,
    client: memclient::Result<Client>,
    fits: bool,
    user: &str,
    password: &str,
) {
    let what = format!("{user:.300?} {password:.300?}");
    match client {
        Ok(client) => {
            assert!(fits, "{what}");
            assert_eq!(client.get(HARMLESS).await.unwrap(), None, "{what}");
            let auth = format!("{user} {password}");
            let expected =
                format!("set auth 0 0 {}\r\n{auth}\r\nversion\r\nstats\r\nmg ", auth.len());
            let bytes = server.bytes();
            assert!(bytes.starts_with(expected.as_bytes()), "{what}: {}", bytes.escape_ascii());
            assert_eq!(server.take().len(), 2, "{what}");
        }
        Err(error) => {
            assert!(!fits, "{what}: {error:?}");
            assert_eq!(error.delivery(), Delivery::NotSent);
            assert!(error.is_input() && server.bytes().is_empty(), "{what}: {error:?}");
        }
    }
}

/// Expects that the client was not built, or that a call of it is one line with one key.
async fn asks_for_one_key(server: &Recorder, client: memclient::Result<Client>, text: &str) {
    let what = format!("{text:.300?}");
    match client {
        Ok(client) => {
            assert_eq!(client.get(HARMLESS).await.unwrap(), None, "{what}");
            let heard = server.take();
            assert_eq!(heard.len(), 1, "{what}: {heard:?}");
            let words = heard[0].words();
            assert!(["mg", "get"].contains(&&*words[0]), "{what}: {heard:?}");
            assert!(words[1].ends_with(HARMLESS) && words[1].is_ascii(), "{what}: {heard:?}");
            let prefix = words[1].strip_suffix(HARMLESS).unwrap();
            // White space around a URL is no part of it, and what is encoded in it is decoded.
            let is_text = prefix == text.trim() || text.contains('%');
            assert!(prefix.is_empty() || is_text, "{what}: {heard:?}");
        }
        Err(error) => {
            assert_refused(&error, &what);
            assert!(server.bytes().is_empty(), "{what}");
        }
    }
}

/// Encodes every byte of a text for a URL.
fn encode(text: &str) -> String {
    text.bytes().fold(String::new(), |mut encoded, byte| {
        let _ = write!(encoded, "%{byte:02X}");
        encoded
    })
}
