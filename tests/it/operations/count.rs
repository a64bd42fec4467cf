//! Counting.

use memclient::{Delivery, Ttl, Value};

use super::At;

in_every_setup! {
    a_counter_counts_up_and_down
    a_counter_wraps_at_the_top_and_stops_at_zero
    what_is_no_number_is_refused_in_the_servers_words
    a_counter_with_a_start_begins_there
}

async fn a_counter_counts_up_and_down(at: &At) {
    let client = &at.client;
    assert_eq!(client.incr("n", 1).await.unwrap(), None);
    assert_eq!(client.decr("n", 1).await.unwrap(), None);
    at.set("n", Value::of(7u64).unwrap()).await;

    assert_eq!(client.incr("n", 3).await.unwrap(), Some(10));
    assert_eq!(client.decr("n", 1).await.unwrap(), Some(9));

    // The server pads the lost digit with a space, which is no part of the number.
    assert_eq!(at.held("n").await.unwrap().data, b"9 ");
    let value = client.get("n").await.unwrap().unwrap();
    assert_eq!(value.decode::<u64>().unwrap(), 9);
}

async fn a_counter_wraps_at_the_top_and_stops_at_zero(at: &At) {
    at.set("n", Value::of(u64::MAX - 1).unwrap()).await;

    assert_eq!(at.client.incr("n", 1).await.unwrap(), Some(u64::MAX));
    assert_eq!(at.client.incr("n", 3).await.unwrap(), Some(2));
    assert_eq!(at.client.decr("n", u64::MAX).await.unwrap(), Some(0));
}

async fn what_is_no_number_is_refused_in_the_servers_words(at: &At) {
    at.put("k", "seven").await;

    for outcome in [at.client.incr("k", 1).await, at.client.decr("k", 1).await] {
        let error = outcome.unwrap_err();
        assert_eq!(error.delivery(), Delivery::Refused);
        let words = error.server_message().unwrap();
        assert!(words.contains("non-numeric value"), "{words}");
        assert_eq!(error.node(), at.client.servers().next());
    }

    assert_eq!(at.text("k").await.as_deref(), Some("seven"));
}

async fn a_counter_with_a_start_begins_there(at: &At) {
    let count = async || at.client.incr_or_init("n", 2, 5, Ttl::secs(100)).await;
    if !at.is_meta() {
        let error = count().await.unwrap_err();
        assert!(error.is_unsupported(), "{error:?}");
        assert_eq!(error.delivery(), Delivery::NotSent);
        return;
    }

    assert_eq!(count().await.unwrap(), 5);
    assert_eq!(count().await.unwrap(), 7);

    assert!((90..=100).contains(&at.seconds_left("n").await));
}
