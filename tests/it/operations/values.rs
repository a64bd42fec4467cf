//! Bytes, flags and keys as they travel.

use bytes::Bytes;
use memclient::{Deleted, Ttl, Value};

use super::At;

in_every_setup! {
    all_bits_of_the_flags_come_back
    flags_that_a_value_carries_take_the_place_of_its_types
    no_byte_of_a_value_means_anything
    an_empty_value_is_a_hit
    a_value_as_large_as_the_server_takes_comes_back
    a_key_of_the_full_length_is_a_key
    unicode_keys_are_keys_where_they_are_allowed
    the_prefix_stands_before_the_key_on_the_wire
    a_bool_is_no_number_and_no_text
    a_value_that_cannot_be_decoded_costs_neither_the_others_nor_the_connection
}

async fn all_bits_of_the_flags_come_back(at: &At) {
    for flags in [0, 1, 1 << 16, 1 << 31, u32::MAX] {
        let value = Value::new("v", flags);

        at.set("k", value.clone()).await;

        assert_eq!(at.client.get("k").await.unwrap(), Some(value));
        assert_eq!(at.held("k").await.unwrap().flags, flags);
    }
}

async fn no_byte_of_a_value_means_anything(at: &At) {
    let all: Vec<u8> = (0..=u8::MAX).collect();
    for data in [&all[..], b"\r\n", b"\0", b"END\r\n", b"EN O1\r\n", b"\r\nflush_all\r\n"] {
        let value = Value::of(data).unwrap();

        at.set("k", value.clone()).await;

        assert_eq!(at.client.get("k").await.unwrap(), Some(value));
    }
    assert_eq!(at.stat("cmd_flush").await, 0);
}

async fn an_empty_value_is_a_hit(at: &At) {
    at.set("k", Value::new("", 0)).await;

    let value = at.client.get("k").await.unwrap();
    assert_eq!(value, Some(Value::new("", 0)));
}

async fn a_value_as_large_as_the_server_takes_comes_back(at: &At) {
    // What the server needs for itself has to fit into its megabyte too.
    let data: Bytes = (0..(1 << 20) - 512).map(|place: u32| place.to_le_bytes()[0]).collect();

    at.set("k", Value::new(data.clone(), 0)).await;

    let value = at.client.get("k").await.unwrap().unwrap();
    assert!(*value.data() == data, "other bytes came back");
}

async fn a_key_of_the_full_length_is_a_key(at: &At) {
    let key = "k".repeat(250 - at.prefix.len());

    at.put(&key, "v").await;

    assert_eq!(at.text(&key).await.as_deref(), Some("v"));
    assert_eq!(at.held(&key).await.unwrap().data, b"v");
    let longer = at.client.get(format!("{key}k")).await;
    assert!(longer.is_err_and(|error| error.is_input()));
}

async fn unicode_keys_are_keys_where_they_are_allowed(at: &At) {
    let client = at.build(at.builder().allow_unicode_keys(true));

    let stored = client.set("Grüße-世界-🌍", "v", Ttl::Never).await.unwrap();

    assert!(stored.is_stored());
    assert_eq!(at.held("Grüße-世界-🌍").await.unwrap().data, b"v");
    let refused = at.client.get("Grüße-世界-🌍").await;
    assert!(refused.is_err_and(|error| error.as_key_error().is_some()));
}

async fn the_prefix_stands_before_the_key_on_the_wire(at: &At) {
    at.put("k", "v").await;
    at.client.set_many([("l", "v")], Ttl::Never).await.remove(0).unwrap().is_stored();

    for key in ["k", "l"] {
        let whole = format!("{}{key}", at.prefix);
        assert!(at.server.item(&whole).await.unwrap().is_some());
        let bare = at.server.item(key).await.unwrap();
        assert_eq!(bare.is_some(), at.prefix.is_empty());
    }
    assert_eq!(at.client.delete("k").await.unwrap(), Deleted::Deleted);
    assert!(at.held("k").await.is_none());
}

async fn flags_that_a_value_carries_take_the_place_of_its_types(at: &At) {
    at.put("k", "text").await;
    assert_eq!(at.held("k").await.unwrap().flags, 16);

    at.set("k", Value::of("text").unwrap().with_flags(0x1234)).await;

    assert_eq!(at.held("k").await.unwrap().flags, 0x1234);
    let read = at.client.get("k").await.unwrap().unwrap();
    assert_eq!((read.flags(), &read.data()[..]), (0x1234, &b"text"[..]));
}

async fn a_bool_is_no_number_and_no_text(at: &At) {
    at.set("k", Value::of(&true).unwrap()).await;

    let value = at.client.get("k").await.unwrap().unwrap();
    assert!(value.decode::<bool>().unwrap());
    assert!(value.decode::<u64>().is_err() && value.decode::<String>().is_err());
    assert!(at.client.incr("k", 1).await.is_err_and(|error| error.is_server_error()));
}

async fn a_value_that_cannot_be_decoded_costs_neither_the_others_nor_the_connection(at: &At) {
    at.put("a", "A").await;
    at.set("pickled", Value::new("\u{80}\u{4}N.", 1)).await;
    at.put("b", "B").await;
    let before = at.stat("total_connections").await;

    let answers = at.client.get_many(&["a", "pickled", "b"]).await;

    let decoded = answers.into_iter().map(|answer| answer.unwrap().unwrap().decode::<String>());
    let [a, pickled, b] = decoded.collect::<Vec<_>>().try_into().unwrap();
    assert_eq!((a.unwrap(), b.unwrap()), ("A".to_owned(), "B".to_owned()));
    assert!(pickled.unwrap_err().is_unsupported());
    assert_eq!(at.text("a").await.as_deref(), Some("A"));
    // The look itself is one more.
    assert_eq!(at.stat("total_connections").await, before + 1);
}
