//! Replies that arrive in two parts, cut at every byte.

use std::future::Future;

use memclient::{CasOutcome, CasToken, Client, Deleted, Dialect, Stored, Touched, Ttl, Value};
use memclient_tests::{Script, Scripted};

/// Has each reply cut at every byte, each time on a connection of its own, and runs `call` there.
async fn check<F: Future<Output = ()>>(dialect: Dialect, reply: &str, call: impl Fn(Client) -> F) {
    let places = 1..reply.len();
    let script = |place| Script::new().answer_version().expect_line().split(reply, place).close();
    let server = Scripted::each(places.clone().map(script)).unwrap();
    for _ in places {
        let client = Client::builder().server(server.address()).dialect(dialect).build().unwrap();
        call(client).await;
    }
}

#[tokio::test]
async fn a_meta_value_is_whole() {
    check(Dialect::Meta, "VA 6 f7 O1\r\n\r\nEND\n\r\n", async |client| {
        let value = client.get("k").await.unwrap();
        assert_eq!(value, Some(Value::new("\r\nEND\n", 7)));
    })
    .await;
}

#[tokio::test]
async fn a_meta_item_is_whole() {
    check(Dialect::Meta, "VA 1 f7 c99 t60 O1\r\nv\r\n", async |client| {
        let item = client.gets("k").await.unwrap().unwrap();
        assert_eq!((item.cas, item.value), (CasToken::new(99), Value::new("v", 7)));
    })
    .await;
}

#[tokio::test]
async fn meta_lines_are_whole() {
    check(Dialect::Meta, "EN O1\r\n", async |client| {
        assert_eq!(client.get("k").await.unwrap(), None);
    })
    .await;
    check(Dialect::Meta, "NS O1\r\n", async |client| {
        assert_eq!(client.add("k", "v", Ttl::Never).await.unwrap(), Stored::NotStored);
    })
    .await;
    check(Dialect::Meta, "EX O1\r\n", async |client| {
        let outcome = client.cas("k", "v", Ttl::Never, CasToken::new(1)).await.unwrap();
        assert_eq!(outcome, CasOutcome::Exists);
    })
    .await;
    check(Dialect::Meta, "NF O1\r\n", async |client| {
        assert_eq!(client.delete("k").await.unwrap(), Deleted::NotFound);
    })
    .await;
    check(Dialect::Meta, "VA 2 O1\r\n42\r\n", async |client| {
        assert_eq!(client.incr("k", 1).await.unwrap(), Some(42));
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
async fn classic_lines_are_whole() {
    check(Dialect::Classic, "END\r\n", async |client| {
        assert_eq!(client.get("k").await.unwrap(), None);
    })
    .await;
    check(Dialect::Classic, "NOT_STORED\r\n", async |client| {
        assert_eq!(client.add("k", "v", Ttl::Never).await.unwrap(), Stored::NotStored);
    })
    .await;
    check(Dialect::Classic, "EXISTS\r\n", async |client| {
        let outcome = client.cas("k", "v", Ttl::Never, CasToken::new(1)).await.unwrap();
        assert_eq!(outcome, CasOutcome::Exists);
    })
    .await;
    check(Dialect::Classic, "DELETED\r\n", async |client| {
        assert_eq!(client.delete("k").await.unwrap(), Deleted::Deleted);
    })
    .await;
    check(Dialect::Classic, "TOUCHED\r\n", async |client| {
        assert_eq!(client.touch("k", Ttl::Never).await.unwrap(), Touched::Touched);
    })
    .await;
    check(Dialect::Classic, "42\r\n", async |client| {
        assert_eq!(client.incr("k", 1).await.unwrap(), Some(42));
    })
    .await;
}

#[tokio::test]
async fn blocks_of_lines_are_whole() {
    check(Dialect::Auto, "STAT pid 7\r\nSTAT version 1.6.18\r\nEND\r\n", async |client| {
        let stats = client.stats().await.remove(0).1.unwrap();
        assert_eq!((stats.len(), stats.server().pid), (2, Some(7)));
    })
    .await;
}
