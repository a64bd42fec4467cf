//! Writing.

use memclient::{CasOutcome, CasToken, Stored, Ttl, Value};
use memclient_tests::Item;

use super::At;

in_every_setup! {
    set_many_stores_each_entry
    set_many_of_nothing_sends_nothing
    a_bad_entry_fails_its_own_outcome_of_set_many
    a_set_replaces_the_item
    an_add_stores_only_where_nothing_is
    a_replace_stores_only_over_an_item
    append_and_prepend_grow_an_item_and_keep_its_flags
    a_cas_stores_over_the_version_that_was_read_only
}

async fn set_many_stores_each_entry(at: &At) {
    let outcomes = at.client.set_many([("a", "1"), ("b", "2"), ("a", "3")], Ttl::secs(100)).await;

    assert_eq!(outcomes.len(), 3);
    assert!(outcomes.into_iter().all(|it| it.unwrap().is_stored()));
    assert_eq!(at.text("a").await.as_deref(), Some("3"));
    assert_eq!(at.text("b").await.as_deref(), Some("2"));
    assert!(at.seconds_left("b").await <= 100);
}

async fn set_many_of_nothing_sends_nothing(at: &At) {
    let before = at.stat("total_connections").await;
    let nothing: [(&str, &str); 0] = [];

    assert!(at.client.set_many(nothing, Ttl::Never).await.is_empty());

    assert_eq!(at.stat("total_connections").await, before + 1);
}

async fn a_bad_entry_fails_its_own_outcome_of_set_many(at: &At) {
    let entries = [("a", "A"), ("two words", "x"), ("b", "B")];

    let outcomes = at.client.set_many(entries, Ttl::Never).await;

    let [first, bad, last] = &outcomes[..] else { panic!("not three outcomes: {outcomes:?}") };
    assert!(first.as_ref().unwrap().is_stored() && last.as_ref().unwrap().is_stored());
    let bad = bad.as_ref().unwrap_err();
    assert!(bad.as_key_error().is_some());
    assert_eq!(bad.command(), Some("set"));
    assert_eq!(at.text("b").await.as_deref(), Some("B"));
}

async fn a_set_replaces_the_item(at: &At) {
    at.put("k", "a long first value").await;

    at.put("k", "2").await;

    let item = Item { flags: 16, data: b"2".to_vec() };
    assert_eq!(at.held("k").await, Some(item));
}

async fn an_add_stores_only_where_nothing_is(at: &At) {
    let add = async |value: &str| at.client.add("k", value, Ttl::Never).await.unwrap();

    assert_eq!(add("1").await, Stored::Stored);
    assert_eq!(add("2").await, Stored::NotStored);

    assert_eq!(at.text("k").await.as_deref(), Some("1"));
}

async fn a_replace_stores_only_over_an_item(at: &At) {
    let replace = async |value: &str| at.client.replace("k", value, Ttl::Never).await.unwrap();

    assert_eq!(replace("1").await, Stored::NotStored);
    assert!(at.held("k").await.is_none());
    at.put("k", "2").await;
    assert_eq!(replace("3").await, Stored::Stored);

    assert_eq!(at.text("k").await.as_deref(), Some("3"));
}

async fn append_and_prepend_grow_an_item_and_keep_its_flags(at: &At) {
    let client = &at.client;
    assert_eq!(client.append("k", "x").await.unwrap(), Stored::NotStored);
    assert_eq!(client.prepend("k", "x").await.unwrap(), Stored::NotStored);
    assert!(at.held("k").await.is_none());
    at.set("k", Value::new("b", 7)).await;

    assert_eq!(client.append("k", "c").await.unwrap(), Stored::Stored);
    assert_eq!(client.prepend("k", "a").await.unwrap(), Stored::Stored);

    let item = Item { flags: 7, data: b"abc".to_vec() };
    assert_eq!(at.held("k").await, Some(item));
}

async fn a_cas_stores_over_the_version_that_was_read_only(at: &At) {
    let cas = async |value: &str, token| {
        let outcome = at.client.cas("k", value, Ttl::Never, token).await;
        outcome.unwrap()
    };
    assert_eq!(cas("0", CasToken::new(1)).await, CasOutcome::NotFound);
    at.put("k", "1").await;
    let version = at.version("k").await;

    assert_eq!(cas("2", version).await, CasOutcome::Stored);
    assert_eq!(cas("3", version).await, CasOutcome::Exists);

    assert_eq!(at.text("k").await.as_deref(), Some("2"));
}
