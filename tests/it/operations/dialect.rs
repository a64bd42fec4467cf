//! Which dialect is spoken with whom.

use memclient::{Client, Dialect, Stored, Ttl};
use memclient_tests::{Request, Scripted};

use super::{At, at::CLASSIC};

#[tokio::test]
async fn each_connection_speaks_what_its_server_understands() {
    let meta = ["1.6.10", "1.6.18", "1.6.45", "1.7.0", "2.0.0", "1.6.18-debian"];
    let classic =
        ["1.6.9", "1.6.0", "1.5.6", "1.4.15", "unknown", "0.1 of a kind", "pelikan", "1.6"];
    for (versions, set) in [(&meta[..], "ms k 1 "), (&classic, "set k 16 0 1")] {
        for version in versions {
            assert_eq!(set_line(version, Dialect::Auto).await.unwrap(), set, "{version}");
        }
    }
}

#[tokio::test]
async fn the_classic_dialect_is_spoken_with_any_server_that_is_asked_in_it() {
    for version in ["1.6.18", "1.4.15", "unknown"] {
        assert_eq!(set_line(version, Dialect::Classic).await.unwrap(), "set k 16 0 1", "{version}");
    }
}

#[tokio::test]
async fn a_server_that_is_not_known_to_have_the_meta_dialect_is_refused_where_it_must() {
    assert_eq!(set_line("1.6.10", Dialect::Meta).await.unwrap(), "ms k 1 ");
    for version in ["1.6.9", "unknown", "1.4.15"] {
        let error = set_line(version, Dialect::Meta).await.unwrap_err();
        assert!(error.is_connect(), "{error:?}");
        let text = error.to_string();
        assert!(text.contains(version) && text.contains("1.6.10"), "{text}");
    }
}

#[tokio::test]
async fn no_word_of_the_meta_dialect_is_said_in_the_classic_one() {
    let at = At::start(CLASSIC).await.unwrap();
    let client = &at.client;
    let ttl = Ttl::secs(100);

    assert!(client.set("k", "1", ttl).await.unwrap().is_stored());
    assert_eq!(client.add("k", "1", ttl).await.unwrap(), Stored::NotStored);
    assert!(client.get("k").await.unwrap().is_some());
    assert!(client.get("none").await.unwrap().is_none());
    assert!(client.gats("k", ttl).await.unwrap().is_some());
    assert!(client.get_many(&["k", "none"]).await[1].as_ref().unwrap().is_none());
    assert!(client.touch("k", ttl).await.unwrap().is_touched());
    assert_eq!(client.incr("k", 1).await.unwrap(), Some(2));
    assert!(client.delete("k").await.unwrap().is_deleted());

    // The server counts them, each of ours too, but not those of the classic dialect.
    assert_eq!(at.stat("cmd_meta").await, 0);
    assert_eq!((at.stat("cmd_set").await, at.stat("incr_hits").await), (2, 1));
}

/// Returns the line, without its opaque, with which a set goes to a server of this version.
async fn set_line(version: &str, dialect: Dialect) -> memclient::Result<String> {
    let told = format!("VERSION {version}\r\n");
    let server = Scripted::answering(move |request: &Request| match &request.words()[..] {
        [version] if version == "version" => told.clone(),
        [ms, .., opaque] if ms == "ms" => format!("HD {opaque}\r\n"),
        _ => "STORED\r\n".to_owned(),
    })
    .unwrap();
    let client = Client::builder().server(server.address()).dialect(dialect).build().unwrap();
    assert!(client.set("k", "v", Ttl::Never).await?.is_stored());
    let received = String::from_utf8(server.received()).unwrap();
    let line = received.lines().find(|line| !["version", "stats"].contains(line)).unwrap();
    Ok(line.strip_suffix("F16 O2").unwrap_or(line).to_owned())
}
