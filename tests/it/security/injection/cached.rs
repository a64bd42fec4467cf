//! Hostile texts in what a cache makes keys of: its namespace, names, keys and tags.

use std::collections::BTreeSet;

use memclient::{Cache, Client, Leased, PutIf};
use memclient_tests::{Memcached, Request};

use super::{HARMLESS, Recorder, assert_refused, hostile, hostile_utf_8};

/// The texts that keys are made of.
#[derive(Clone, Copy)]
struct Texts<'a> {
    namespace: &'a str,
    name: &'a str,
    key: &'a str,
    tag: &'a str,
}

const CALM: Texts<'_> = Texts { namespace: HARMLESS, name: HARMLESS, key: HARMLESS, tag: HARMLESS };

#[tokio::test]
async fn any_text_is_part_of_a_key_and_of_no_command() {
    let server = Recorder::start();
    let client = server.builder().build().unwrap();
    let expected = shapes(&run(&server, &client, CALM).await);
    assert!(expected.len() > 15, "{expected:?}");
    let mut keys = BTreeSet::from([entry_key(&client, CALM)]);

    for text in hostile_utf_8() {
        let texts = [
            Texts { namespace: &text, ..CALM },
            Texts { name: &text, ..CALM },
            Texts { key: &text, ..CALM },
            Texts { tag: &text, ..CALM },
        ];
        for (place, texts) in texts.into_iter().enumerate() {
            let what = format!("{text:.300?} in place {place}");
            if texts.namespace.len() > 64 {
                let builder = Cache::builder().namespace(texts.namespace).backend(client.clone());
                assert_refused(&builder.build().unwrap_err(), &what);
                continue;
            }
            assert_eq!(shapes(&run(&server, &client, texts).await), expected, "{what}");
            // Two texts are never one key; a tag is no part of the entry's.
            assert!(place == 3 || keys.insert(entry_key(&client, texts)), "{what}");
        }
    }
    assert!(keys.len() > 100, "{}", keys.len());
}

#[tokio::test]
async fn bytes_are_part_of_a_key_and_of_no_command() {
    let server = Recorder::start();
    let cache = cache(&server.builder().build().unwrap(), HARMLESS);
    let typed = cache.typed::<String>(HARMLESS);

    typed.put(&HARMLESS.as_bytes().to_vec(), &HARMLESS.into()).await.unwrap();
    let expected = shapes(&server.take());
    for text in hostile() {
        typed.put(&text, &HARMLESS.into()).await.unwrap();

        assert_eq!(shapes(&server.take()), expected, "{}", text.escape_ascii());
    }
}

#[tokio::test]
async fn a_real_server_keeps_what_nobody_named() {
    let server = Memcached::start().await.unwrap();
    server.raw("set canary 0 0 4\r\nsafe\r\n").await.unwrap();
    let client = Client::new(server.address()).unwrap();

    for text in hostile_utf_8() {
        for texts in [
            Texts { namespace: if text.len() > 64 { "" } else { &text }, ..CALM },
            Texts { name: &text, ..CALM },
            Texts { key: &text, ..CALM },
            Texts { tag: &text, ..CALM },
        ] {
            let cache = cache(&client, texts.namespace);
            let typed = cache.typed::<String>(texts.name).tagged([texts.tag]);
            typed.put(texts.key, &text).await.unwrap();
            assert_eq!(typed.get(texts.key).await.unwrap().as_ref(), Some(&text));
            cache.invalidate_tag(texts.tag).await.unwrap();
            assert_eq!(typed.get(texts.key).await.unwrap(), None, "{text:.300?}");
        }
    }

    assert_eq!(server.item("canary").await.unwrap().unwrap().data, b"safe");
    assert_eq!(server.stat("cmd_flush").await.unwrap().as_deref(), Some("0"));
}

fn cache(client: &Client, namespace: &str) -> Cache {
    let builder = Cache::builder().namespace(namespace).backend(client.clone());
    builder.without_near().clearable(true).build().unwrap()
}

fn entry_key(client: &Client, texts: Texts<'_>) -> String {
    cache(client, texts.namespace).typed::<String>(texts.name).key(texts.key).to_string()
}

/// Does with one entry whatever can be done with one, and returns what the server was asked.
async fn run(server: &Recorder, client: &Client, texts: Texts<'_>) -> Vec<Request> {
    let cache = cache(client, texts.namespace);
    let (value, key) = (HARMLESS.to_owned(), texts.key);
    let typed = cache.typed::<String>(texts.name).tagged([texts.tag]);
    server.take();
    typed.get_or_load(key, async || HARMLESS.to_owned()).await;
    typed.refresh(key, async || HARMLESS.to_owned()).await;
    typed.get(key).await.unwrap();
    typed.lookup(key).await.unwrap();
    typed.get_with_meta(key).await.unwrap();
    typed.get_many(&[key]).await.remove(0).unwrap();
    typed.put(key, &value).await.unwrap();
    typed.put_if(key, &value, PutIf::Absent).await.unwrap();
    typed.touch(key).await.unwrap();
    if let Leased::Missing(Some(lease)) = typed.lease(key).await.unwrap() {
        lease.release().await;
    }
    typed.invalidate(key).await.unwrap();
    typed.remove(key).await.unwrap();
    cache.invalidate_tag(texts.tag).await.unwrap();
    cache.clear().await.unwrap();
    server.take()
}

/// Returns the command and the number of words of each request, once its line is known to be
/// printable and its key to be one.
#[track_caller]
fn shapes(requests: &[Request]) -> Vec<(String, usize)> {
    let shape = |request: &Request| {
        let line = &request.line;
        let printable = line.iter().all(|&byte| byte.is_ascii_graphic() || byte == b' ');
        assert!(printable, "{}", line.escape_ascii());
        let words: Vec<_> = line.split(|&byte| byte == b' ').collect();
        assert!((1..=250).contains(&words[1].len()), "{}", line.escape_ascii());
        (String::from_utf8_lossy(words[0]).into_owned(), words.len())
    };
    requests.iter().map(shape).collect()
}
