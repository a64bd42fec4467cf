//! A version cannot be fooled by a restart: memcached counts its versions from 1 again, and what was
//! read before the restart must not count for what was written after it.

use memclient::{
    CasOutcome, CasToken, Client, Deleted, Dialect, Item, Ttl,
    backend::{CacheBackend, Delete},
};
use memclient_tests::{Memcached, Script, Scripted};

use super::{patient, put, until_ok, within};

/// Reads the item before and after a restart, so that both have the same number.
async fn same_number_twice(dialect: Dialect) -> (Memcached, Client, CasToken, Item) {
    let mut server = Memcached::start().await.unwrap();
    let client = patient(&server.address()).dialect(dialect).build().unwrap();
    put(&client, "k", 10).await;
    let before = within(client.gets("k")).await.unwrap().unwrap().cas;
    // The second in which a server starts is a part of who it is.
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    server.restart().await.unwrap();
    let _ = until_ok(|| client.set("k", "newer", Ttl::Never)).await;
    let mut after = within(client.gets("k")).await.unwrap().unwrap();
    while after.cas.get() < before.get() {
        let _ = until_ok(|| client.set("k", "newer", Ttl::Never)).await;
        after = within(client.gets("k")).await.unwrap().unwrap();
    }
    assert_eq!(after.cas.get(), before.get(), "the numbers do not meet");
    (server, client, before, after)
}

#[tokio::test]
async fn a_version_does_not_count_after_a_restart() {
    for dialect in [Dialect::Meta, Dialect::Classic] {
        let (_server, client, before, after) = same_number_twice(dialect).await;
        assert_ne!(after.cas, before, "{dialect:?}");

        let outcome = within(client.cas("k", "older", Ttl::Never, before)).await.unwrap();
        assert_eq!(outcome, CasOutcome::Exists, "{dialect:?}");
        if dialect == Dialect::Meta {
            assert_eq!(within(client.delete_if("k", before)).await.unwrap(), Deleted::Exists);
            let key = memclient::Key::new("k").unwrap();
            let marked = Delete::if_cas(before);
            assert_eq!(
                within(CacheBackend::delete(&client, &key, marked)).await.unwrap(),
                Deleted::Exists
            );
            let lives =
                within(client.confirm_many(&[(key.clone(), before), (key, after.cas)])).await;
            assert!(lives[0].as_ref().unwrap().is_none(), "a copy of what is gone is confirmed");
            assert!(lives[1].as_ref().unwrap().is_some());
        }
        let value = within(client.get("k")).await.unwrap().unwrap();
        assert_eq!(&value.data()[..], b"newer", "{dialect:?}");

        let outcome = within(client.cas("k", "newest", Ttl::Never, after.cas)).await.unwrap();
        assert_eq!(outcome, CasOutcome::Stored, "{dialect:?}");
        let gone = within(client.cas("none", "older", Ttl::Never, before)).await.unwrap();
        assert_eq!(gone, CasOutcome::NotFound, "{dialect:?}");
    }
}

#[tokio::test]
async fn a_number_of_the_callers_own_counts_for_every_incarnation() {
    let (_server, client, before, _) = same_number_twice(Dialect::Auto).await;

    let token = CasToken::new(before.get());
    let outcome = within(client.cas("k", "older", Ttl::Never, token)).await.unwrap();

    assert_eq!(outcome, CasOutcome::Stored);
}

#[tokio::test]
async fn a_version_counts_on_every_connection_to_its_server() {
    let server = Memcached::start().await.unwrap();
    let [reader, writer] = [(); 2].map(|()| patient(&server.address()).build().unwrap());
    put(&reader, "k", 10).await;
    let cas = within(reader.gets("k")).await.unwrap().unwrap().cas;
    // The server's uptime goes on between the two dials.
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;

    let outcome = within(writer.cas("k", "v", Ttl::Never, cas)).await.unwrap();

    assert_eq!(outcome, CasOutcome::Stored);
}

#[tokio::test]
async fn a_server_that_does_not_say_who_it_is_gets_versions_as_they_are() {
    let script = Script::new().greet();
    let script = script.expect("ms k 1 C7 O2\r\nv\r\n").send("HD O2\r\n");
    let server = Scripted::start(script).unwrap();
    let client = patient(&server.address()).build().unwrap();
    let cas = CasToken::new(7);

    let outcome = within(client.cas("k", b"v".as_slice(), Ttl::Never, cas)).await.unwrap();

    assert_eq!(outcome, CasOutcome::Stored);
    server.verify().await.unwrap();
}

#[tokio::test]
async fn a_proxy_with_versions_of_its_own_is_not_asked() {
    let script = Script::new().expect("version\r\n").send("VERSION 0.5.0\r\n");
    let server = Scripted::start(script.expect("get k\r\n").send("END\r\n")).unwrap();
    let client = patient(&server.address()).build().unwrap();

    assert_eq!(within(client.get("k")).await.unwrap(), None);
    server.verify().await.unwrap();
}
