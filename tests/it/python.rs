//! Values that go between memclient and pymemcache keep their types.
//!
//! Where Python or pymemcache is missing, and cannot be fetched, these tests say so and pass.

use std::fmt::Write;

use bytes::Bytes;
use memclient::{CasOutcome, Client, Compression, Decoded, Dialect, Ttl, TtlLeft, Value};
use memclient_tests::{Memcached, PyValue, Python};

#[tokio::test]
async fn what_pymemcache_wrote_is_read_with_its_type() {
    let Some(python) = Python::find().await else {
        return;
    };
    let server = Memcached::start().await.unwrap();
    let client = Client::new(server.address()).unwrap();

    let written = python.write(&server.address(), "py:").await.unwrap();

    let mut kinds = [0; 3];
    for PyValue { key, kind, text } in written.iter().filter(|it| it.kind != "dict") {
        let value = client.get(key).await.unwrap().unwrap();
        let decoded = value.decode_any().unwrap();
        match kind.as_str() {
            "str" => {
                assert_eq!(decoded, Decoded::Text(text.clone()), "{key}");
                assert_eq!(value.decode::<String>().unwrap(), *text);
                assert!(value.decode::<u64>().is_err(), "{key} is text");
                kinds[0] += 1;
            }
            "int" => {
                let number: i128 = text.parse().unwrap();
                assert_eq!(decoded, Decoded::Integer(number), "{key}");
                assert_eq!(value.decode::<i128>().unwrap(), number);
                assert_eq!(value.decode::<i64>().ok(), i64::try_from(number).ok());
                assert_eq!(value.decode::<u64>().ok(), u64::try_from(number).ok());
                kinds[1] += 1;
            }
            "bytes" => {
                let Decoded::Bytes(bytes) = decoded else {
                    panic!("{key} was read as {decoded:?}")
                };
                assert_eq!(hex(&bytes), *text, "{key}");
                assert_eq!(value.decode::<Bytes>().unwrap(), bytes);
                kinds[2] += 1;
            }
            other => panic!("pymemcache wrote a value of the kind {other}"),
        }
    }
    assert!(kinds.iter().all(|&count| count >= 3), "{kinds:?}");
}

#[tokio::test]
async fn what_was_pickled_is_a_typed_error_that_names_pickle() {
    let Some(python) = Python::find().await else {
        return;
    };
    let server = Memcached::start().await.unwrap();
    let client = Client::new(server.address()).unwrap();
    let written = python.write(&server.address(), "py:").await.unwrap();
    let pickled = written.iter().find(|it| it.kind == "dict").unwrap();

    let value = client.get(&pickled.key).await.unwrap().unwrap();

    for error in [
        value.decode_any().unwrap_err(),
        value.decode::<String>().unwrap_err(),
        value.decode::<u64>().unwrap_err(),
        value.decode::<Vec<String>>().unwrap_err(),
    ] {
        assert!(error.is_unsupported(), "{error:?}");
        assert!(error.to_string().contains("pickle"), "{error}");
    }
    assert!(client.get(&written[0].key).await.unwrap().is_some());
}

#[tokio::test]
async fn what_memclient_wrote_is_read_by_pymemcache_with_its_type() {
    let Some(python) = Python::find().await else {
        return;
    };
    let server = Memcached::start().await.unwrap();
    let client = Client::new(server.address()).unwrap();
    let all: Vec<u8> = (0..=u8::MAX).collect();
    let cases = [
        ("text", Value::of("plain text"), "str", "plain text".into()),
        ("text-empty", Value::of(""), "str", String::new()),
        ("text-unicode", Value::of("Grüße, 世界 🌍"), "str", "Grüße, 世界 🌍".into()),
        ("text-lines", Value::of("a\r\nEND\r\n"), "str", "a\r\nEND\r\n".into()),
        ("int", Value::of(42u8), "int", "42".into()),
        ("int-zero", Value::of(0i64), "int", "0".into()),
        ("int-negative", Value::of(i64::MIN), "int", i64::MIN.to_string()),
        ("int-large", Value::of(u128::MAX), "int", u128::MAX.to_string()),
        ("bytes", Value::of(&b"raw"[..]), "bytes", hex(b"raw")),
        ("bytes-empty", Value::of(Bytes::new()), "bytes", String::new()),
        ("bytes-all", Value::of(all.clone()), "bytes", hex(&all)),
    ];
    let mut expected = Vec::new();
    for (key, value, kind, text) in cases {
        let stored = client.set(key, value.unwrap(), Ttl::secs(60)).await.unwrap();
        assert!(stored.is_stored());
        let (key, kind) = (key.to_owned(), kind.to_owned());
        expected.push(PyValue { key, kind, text });
    }

    let keys: Vec<_> = expected.iter().map(|value| value.key.as_str()).collect();
    let read = python.read(&server.address(), &keys).await.unwrap();

    assert_eq!(read, expected);
}

#[tokio::test]
async fn what_pymemcache_compressed_is_read_with_its_type() {
    let Some(python) = Python::find().await else {
        return;
    };
    let server = Memcached::start().await.unwrap();
    let client = Client::new(server.address()).unwrap();

    let written = python.write_compressed(&server.address(), "py:").await.unwrap();

    let mut compressed = Vec::new();
    for PyValue { key, kind, text } in &written {
        let value = client.get(key).await.unwrap().unwrap();
        if value.flags() & 8 != 0 {
            compressed.push(key.trim_start_matches("py:"));
        }
        let decoded = value.decode_any();
        match kind.as_str() {
            "str" => assert_eq!(decoded.unwrap(), Decoded::Text(text.clone()), "{key}"),
            "int" => {
                assert_eq!(decoded.unwrap(), Decoded::Integer(text.parse().unwrap()), "{key}");
                assert_eq!(value.decode::<i128>().unwrap().to_string(), *text);
            }
            "bytes" => assert_eq!(hex(&value.decode::<Bytes>().unwrap()), *text, "{key}"),
            "list" => assert!(decoded.unwrap_err().to_string().contains("pickle")),
            other => panic!("pymemcache wrote a value of the kind {other}"),
        }
    }
    assert_eq!(compressed, ["text", "bytes", "int", "int-negative", "pickle"]);
}

#[tokio::test]
async fn what_memclient_compressed_with_zlib_is_read_by_pymemcache_with_its_type() {
    let Some(python) = Python::find().await else {
        return;
    };
    let server = Memcached::start().await.unwrap();
    let client = Client::builder()
        .server(server.address())
        .compression(Compression::zlib(6).threshold(20))
        .build()
        .unwrap();
    let text = "Grüße, 世界 🌍\r\n".repeat(100);
    let bytes: Vec<u8> = (0..=u8::MAX).cycle().take(2000).collect();
    let number = u128::MAX / 7;
    let cases = [
        ("text", Value::of(text.as_str()), 16 | 8, "str", text.clone()),
        ("bytes", Value::of(bytes.clone()), 8, "bytes", hex(&bytes)),
        ("text-short", Value::of("short"), 16, "str", "short".into()),
        ("int", Value::of(number), 2, "int", number.to_string()),
    ];
    let mut expected = Vec::new();
    for (key, value, flags, kind, text) in cases {
        assert!(client.set(key, value.unwrap(), Ttl::secs(60)).await.unwrap().is_stored());
        assert_eq!(server.item(key).await.unwrap().unwrap().flags, flags, "{key}");
        let (key, kind) = (key.to_owned(), kind.to_owned());
        expected.push(PyValue { key, kind, text });
    }

    let keys: Vec<_> = expected.iter().map(|value| value.key.as_str()).collect();
    let read = python.read_compressed(&server.address(), &keys).await.unwrap();

    assert_eq!(read, expected);
}

#[tokio::test]
async fn a_counter_that_memclient_moved_is_a_number_for_pymemcache() {
    let Some(python) = Python::find().await else {
        return;
    };
    let server = Memcached::start().await.unwrap();
    let client = Client::new(server.address()).unwrap();
    assert!(client.set("n", 10u64, Ttl::Never).await.unwrap().is_stored());

    assert_eq!(client.decr("n", 3).await.unwrap(), Some(7));

    let read = python.read(&server.address(), &["n"]).await.unwrap();
    assert_eq!((read[0].kind.as_str(), read[0].text.as_str()), ("int", "7"));
}

#[tokio::test]
async fn versions_lives_and_additions_are_the_same_for_both() {
    const SCRIPT: &str = "
import sys
from pymemcache import serde
from pymemcache.client.base import Client
host, port = sys.argv[1].rsplit(':', 1)
client = Client((host, int(port)), serde=serde.pickle_serde, default_noreply=False)
step, *rest = sys.argv[2:]
# Release 4.0.0 has neither yet.
gat = getattr(client, 'gat', lambda key, expire: client.touch(key, expire) and client.get(key))
gats = getattr(client, 'gats', lambda key, expire: client.touch(key, expire) and client.gets(key))
if step == 'grow':
    value, token = client.gets('k')
    print(value, token.decode())
    print(client.append('k', '+py'), client.prepend('k', 'py+'))
    print(client.cas('k', 'stale', token))
    print(client.touch('k', 1000), gat('k', 2000))
else:
    print(gats('k', 3000)[0], client.incr('n', 5))
    print(client.cas('k', 'theirs', rest[0].encode()), client.cas('k', 'again', rest[0]))
    print(client.add('k', 'x'), client.replace('none', 'x'), client.delete('n'), client.touch('n'))
";
    let Some(python) = Python::find().await else {
        return;
    };
    let server = Memcached::start().await.unwrap();
    let client = Client::builder().server(server.address()).dialect(Dialect::Meta).build().unwrap();
    let directory = tempfile::tempdir().unwrap();
    let script = directory.path().join("both.py");
    std::fs::write(&script, SCRIPT).unwrap();
    let run = async |arguments: &[&str]| {
        let program = python.program(&script).arg(server.address()).args(arguments);
        let output = program.run().await.unwrap();
        assert!(output.status.success(), "{}", output.stderr);
        output.stdout
    };
    assert!(client.set("k", "ours", Ttl::secs(100)).await.unwrap().is_stored());
    assert!(client.set("n", 7, Ttl::Never).await.unwrap().is_stored());
    let cas = client.gets("k").await.unwrap().unwrap().cas;

    let seen = run(&["grow"]).await;

    let grown = "py+ours+py";
    let expected = format!("ours {}\nTrue True\nFalse\nTrue {grown}\n", cas.get());
    assert_eq!(seen, expected);
    assert_eq!(client.cas("k", "stale", Ttl::Never, cas).await.unwrap(), CasOutcome::Exists);
    let item = client.gets("k").await.unwrap().unwrap();
    assert_eq!(item.value.decode::<String>().unwrap(), grown);
    let TtlLeft::Left(left) = item.ttl_left else { panic!("it lives {:?}", item.ttl_left) };
    assert!((1900..=2000).contains(&left.as_secs()), "{left:?}");
    assert!(client.append("k", "+rs").await.unwrap().is_stored());
    assert!(client.touch("k", Ttl::secs(100)).await.unwrap().is_touched());
    let cas = client.gats("k", Ttl::secs(50)).await.unwrap().unwrap().cas;

    let seen = run(&["end", &cas.get().to_string()]).await;

    assert_eq!(seen, format!("{grown}+rs 12\nTrue False\nFalse False True False\n"));
    let item = client.gets("k").await.unwrap().unwrap();
    assert_eq!(item.value.decode::<String>().unwrap(), "theirs");
    assert_eq!(item.ttl_left, TtlLeft::Never);
    assert_eq!(client.incr("n", 1).await.unwrap(), None);
}

#[tokio::test]
async fn keys_live_where_pymemcache_puts_them() {
    const SCRIPT: &str = "
import sys
from pymemcache.client.rendezvous import RendezvousHash
ring = RendezvousHash(sys.argv[1:])
print(' '.join(ring.get_node(f'key:{number}') for number in range(100)))
";
    let Some(python) = Python::find().await else {
        return;
    };
    let servers = [Memcached::start().await.unwrap(), Memcached::start().await.unwrap()];
    let addresses = servers.each_ref().map(Memcached::address);
    let client = Client::builder().servers(&addresses).build().unwrap();
    let directory = tempfile::tempdir().unwrap();
    let script = directory.path().join("ring.py");
    std::fs::write(&script, SCRIPT).unwrap();

    let output = python.program(&script).args(&addresses).run().await.unwrap();

    assert!(output.status.success(), "{}", output.stderr);
    let homes: Vec<_> = output.stdout.split_whitespace().collect();
    assert_eq!(homes.len(), 100);
    for (number, home) in homes.into_iter().enumerate() {
        let key = format!("key:{number}");
        assert!(client.set(&key, "v", Ttl::Never).await.unwrap().is_stored());
        let server = servers.iter().find(|server| server.address() == home).unwrap();
        assert!(server.item(&key).await.unwrap().is_some(), "{key} at {home}");
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}
