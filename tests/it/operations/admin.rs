//! What concerns whole servers.

use std::time::Duration;

use memclient::{Delivery, Error, Ttl};

use super::{
    At,
    at::{CLASSIC, META},
};

in_every_setup! {
    the_version_is_told_by_server
    a_flush_removes_every_item
    a_later_flush_leaves_the_items_for_now
    the_limit_of_the_memory_changes
    the_verbosity_changes
    a_client_that_was_closed_connects_anew
    a_server_that_may_not_be_shut_down_says_so
}

async fn the_version_is_told_by_server(at: &At) {
    let version = at.client.version().await.unwrap();
    let raw = at.server.raw("version\r\n").await.unwrap();
    assert_eq!(raw, format!("VERSION {version}\r\n").into_bytes());

    let versions = at.client.versions().await;

    let [(server, told)] = &versions[..] else { panic!("not one server: {versions:?}") };
    assert_eq!(Some(server.as_str()), at.client.servers().next());
    assert_eq!(*told.as_ref().unwrap(), version);
}

async fn a_flush_removes_every_item(at: &At) {
    at.put("a", "1").await;
    at.put("b", "2").await;

    at.client.flush_all().await.unwrap();

    assert!(at.held("a").await.is_none() && at.held("b").await.is_none());
}

async fn a_later_flush_leaves_the_items_for_now(at: &At) {
    at.put("k", "v").await;

    at.client.flush_all_after(Duration::from_secs(100)).await.unwrap();

    assert_eq!(at.text("k").await.as_deref(), Some("v"));
}

#[tokio::test]
async fn a_later_flush_comes() {
    let at = At::start(META).await.unwrap();
    at.put("k", "v").await;

    at.client.flush_all_after(Duration::from_millis(1)).await.unwrap();

    let gone = async {
        while at.client.get("k").await.unwrap().is_some() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), gone).await.expect("the item is still there");
}

async fn the_limit_of_the_memory_changes(at: &At) {
    at.client.cache_memlimit(96).await.unwrap();

    assert_eq!(at.stat("limit_maxbytes").await, 96 << 20);

    let error = at.client.cache_memlimit(1).await.unwrap_err();
    let words = error.server_message().unwrap();
    assert!(words.starts_with("MEMLIMIT_TOO_SMALL"), "{words}");
    assert!(error.is_server_error() && error.command() == Some("cache_memlimit"));
    assert_eq!(at.stat("limit_maxbytes").await, 96 << 20);
}

async fn the_verbosity_changes(at: &At) {
    at.client.verbosity(1).await.unwrap();

    let settings = at.client.stats_of(["settings"]).await.remove(0).1.unwrap();
    assert_eq!(settings.get("verbosity"), Some("1"));
}

async fn a_client_that_was_closed_connects_anew(at: &At) {
    at.put("k", "v").await;
    let waiting: Vec<_> = (0..16)
        .map(|_| {
            tokio::spawn({
                let client = at.client.clone();
                async move { client.get("k").await }
            })
        })
        .collect();
    tokio::task::yield_now().await;
    at.alone().await;

    at.client.close();

    for call in waiting {
        assert!(call.await.unwrap().unwrap().is_some(), "what was under way is answered");
    }
    at.client.close();
    let gone = async {
        // The look itself is one.
        while at.stat("curr_connections").await > 2 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), gone).await.expect("connections are left");
    assert_eq!(at.text("k").await.as_deref(), Some("v"));
}

async fn a_server_that_may_not_be_shut_down_says_so(at: &At) {
    for outcome in [at.client.shutdown().await, at.client.shutdown_gracefully().await] {
        let error = outcome.unwrap_err();
        assert!(error.is_server_error(), "{error:?}");
        assert_eq!(error.delivery(), Delivery::Refused);
        assert!(error.to_string().contains("shutdown not enabled"), "{error}");
    }

    at.put("k", "v").await;
}

#[tokio::test]
async fn a_server_that_may_be_shut_down_ends() {
    for setup in [META, CLASSIC] {
        let at = At::start_with(setup, &["-A"]).await.unwrap();
        at.put("k", "v").await;

        at.client.shutdown().await.unwrap();

        let ended = async {
            while at.client.get("k").await.is_ok() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), ended).await.expect("it still answers");
        let error = at.client.set("k", "v", Ttl::Never).await.unwrap_err();
        assert!(Error::is_connect(&error) || error.is_closed(), "{error:?}");
    }
}
