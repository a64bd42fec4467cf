//! Reading, and giving another time to live in the same step.

use std::time::Duration;

use memclient::{Ttl, TtlLeft};

use super::{At, at::text};

in_every_setup! {
    a_gat_returns_the_value_and_gives_another_life
    a_gats_returns_the_version_and_the_new_life
    a_gat_may_end_a_life
    gat_many_answers_in_order_and_touches_each_item
    gats_many_tells_each_version
    a_batch_longer_than_a_line_may_be_is_whole
}

async fn a_gat_returns_the_value_and_gives_another_life(at: &At) {
    assert_eq!(at.client.gat("k", Ttl::secs(100)).await.unwrap(), None);
    at.put("k", "v").await;

    let value = at.client.gat("k", Ttl::secs(100)).await.unwrap();
    assert_eq!(value.as_ref().map(text).as_deref(), Some("v"));
    assert!((90..=100).contains(&at.seconds_left("k").await));

    assert!(at.client.gat("k", Ttl::Never).await.unwrap().is_some());
    assert_eq!(at.left("k").await, None);
}

async fn a_gats_returns_the_version_and_the_new_life(at: &At) {
    assert!(at.client.gats("k", Ttl::secs(100)).await.unwrap().is_none());
    at.put("k", "v").await;

    let item = at.client.gats("k", Duration::from_millis(99_500)).await.unwrap().unwrap();

    assert_eq!(text(&item.value), "v");
    assert_eq!(item.cas, at.version("k").await);
    assert_eq!(item.ttl_left, TtlLeft::Left(Duration::from_secs(100)));
    assert!((90..=100).contains(&at.seconds_left("k").await));
    let item = at.client.gats("k", Ttl::Never).await.unwrap().unwrap();
    assert_eq!(item.ttl_left, TtlLeft::Never);
}

async fn a_gat_may_end_a_life(at: &At) {
    at.put("k", "v").await;

    assert!(at.client.gat("k", Ttl::Immediately).await.unwrap().is_some());

    assert_eq!(at.client.get("k").await.unwrap(), None);
}

async fn gat_many_answers_in_order_and_touches_each_item(at: &At) {
    at.put("a", "A").await;
    at.put("b", "B").await;
    at.put("c", "C").await;

    let answers = at.client.gat_many(&["b", "none", "a", "two words", "b"], Ttl::secs(100)).await;

    let [b, none, a, bad, again] = &answers[..] else { panic!("not five answers: {answers:?}") };
    for (answer, expected) in [(b, "B"), (a, "A"), (again, "B")] {
        assert_eq!(answer.as_ref().unwrap().as_ref().map(text).as_deref(), Some(expected));
    }
    assert!(none.as_ref().unwrap().is_none());
    let bad = bad.as_ref().unwrap_err();
    assert!(bad.as_key_error().is_some() && bad.command() == Some("gat"));
    assert!((90..=100).contains(&at.seconds_left("a").await));
    assert!((90..=100).contains(&at.seconds_left("b").await));
    assert_eq!(at.left("c").await, None, "it was not asked for");
}

async fn gats_many_tells_each_version(at: &At) {
    at.put("a", "A").await;
    at.put("b", "B").await;

    let answers = at.client.gats_many(&["a", "none", "b"], Ttl::secs(100)).await;

    let [a, none, b] = &answers[..] else { panic!("not three answers: {answers:?}") };
    for (answer, key) in [(a, "a"), (b, "b")] {
        let item = answer.as_ref().unwrap().as_ref().unwrap();
        assert_eq!(item.cas, at.version(key).await);
        assert_eq!(item.ttl_left, TtlLeft::Left(Duration::from_secs(100)));
    }
    assert!(none.as_ref().unwrap().is_none());
}

async fn a_batch_longer_than_a_line_may_be_is_whole(at: &At) {
    let keys: Vec<String> = (0..300).map(|number| format!("{number:0200}")).collect();
    for outcome in at.client.set_many(keys.iter().map(|key| (key, key.as_str())), Ttl::Never).await
    {
        assert!(outcome.unwrap().is_stored());
    }

    let answers = at.client.gat_many(&keys, Ttl::secs(100)).await;

    for (key, answer) in keys.iter().zip(answers) {
        assert_eq!(answer.unwrap().as_ref().map(text).as_deref(), Some(key.as_str()));
    }
    assert!((90..=100).contains(&at.seconds_left(&keys[299]).await));
}
