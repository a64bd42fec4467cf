//! Reading.

use memclient::{Error, Ttl};

use super::{At, at::text};

in_every_setup! {
    a_get_returns_the_value_or_nothing
    a_gets_returns_a_version_that_changes_with_the_item
    get_many_answers_in_order_and_each_repeated_key
    get_many_of_nothing_sends_nothing
    a_bad_key_fails_its_own_answer_of_get_many
    batches_of_five_thousand_keys_are_whole
    gets_many_tells_each_version
    callers_at_once_get_their_own_values
}

async fn a_get_returns_the_value_or_nothing(at: &At) {
    assert_eq!(at.client.get("k").await.unwrap(), None);

    at.put("k", "value").await;

    assert_eq!(at.text("k").await.as_deref(), Some("value"));
}

async fn a_gets_returns_a_version_that_changes_with_the_item(at: &At) {
    assert!(at.client.gets("k").await.unwrap().is_none());
    at.put("k", "1").await;
    let first = at.version("k").await;
    assert_eq!(at.version("k").await, first);

    at.put("k", "2").await;

    assert_ne!(at.version("k").await, first);
}

async fn get_many_answers_in_order_and_each_repeated_key(at: &At) {
    at.put("a", "A").await;
    at.put("b", "B").await;

    let answers = at.client.get_many(&["b", "none", "a", "b", "none", "b"]).await;

    let texts: Vec<_> =
        answers.into_iter().map(|answer| answer.unwrap().map(|value| text(&value))).collect();
    let expected = [Some("B"), None, Some("A"), Some("B"), None, Some("B")];
    assert_eq!(texts, expected.map(|text| text.map(str::to_owned)));
}

async fn get_many_of_nothing_sends_nothing(at: &At) {
    let before = at.stat("total_connections").await;

    assert!(at.client.get_many::<&str>(&[]).await.is_empty());

    // The look itself is one more.
    assert_eq!(at.stat("total_connections").await, before + 1);
}

async fn a_bad_key_fails_its_own_answer_of_get_many(at: &At) {
    at.put("a", "A").await;

    let answers = at.client.get_many(&["a", "two words", "none", ""]).await;

    let [good, bad, miss, empty] = &answers[..] else { panic!("not four answers: {answers:?}") };
    assert_eq!(good.as_ref().unwrap().as_ref().map(text), Some("A".into()));
    assert!(bad.as_ref().is_err_and(|error| error.as_key_error().is_some()));
    assert!(miss.as_ref().unwrap().is_none());
    assert!(empty.as_ref().is_err_and(Error::is_input));
}

async fn batches_of_five_thousand_keys_are_whole(at: &At) {
    let keys: Vec<String> = (0..5000).map(|number| format!("key:{number}")).collect();
    let stored = keys.iter().step_by(2);

    let outcomes = at.client.set_many(stored.map(|key| (key, key.as_str())), Ttl::Never).await;
    let answers = at.client.get_many(&keys).await;

    assert_eq!(outcomes.len(), 2500);
    assert!(outcomes.into_iter().all(|it| it.unwrap().is_stored()));
    assert_eq!(answers.len(), 5000);
    for (number, (key, answer)) in keys.iter().zip(answers).enumerate() {
        let expected = number.is_multiple_of(2).then(|| key.clone());
        assert_eq!(answer.unwrap().as_ref().map(text), expected);
    }
}

async fn gets_many_tells_each_version(at: &At) {
    at.put("a", "A").await;
    at.put("b", "B").await;

    let answers = at.client.gets_many(&["a", "none", "b", "a", "two words"]).await;

    let [a, none, b, again, bad] = &answers[..] else { panic!("not five answers: {answers:?}") };
    let item = |answer: &Result<Option<memclient::Item>, Error>| answer.clone().unwrap().unwrap();
    assert_eq!((text(&item(a).value), text(&item(b).value)), ("A".into(), "B".into()));
    assert_eq!(item(a), item(again));
    assert_ne!(item(a).cas, item(b).cas);
    assert_eq!(item(a).cas, at.version("a").await);
    assert!(none.as_ref().unwrap().is_none());
    assert!(bad.as_ref().is_err_and(|error| error.as_key_error().is_some()));
}

async fn callers_at_once_get_their_own_values(at: &At) {
    let mut tasks = tokio::task::JoinSet::new();
    for caller in 0..32 {
        let client = at.client.clone();
        tasks.spawn(async move {
            let (key, none) = (format!("k{caller}"), format!("none{caller}"));
            for number in 0..20 {
                let value = format!("{caller}:{number}");
                let stored = client.set(&key, value.as_str(), Ttl::Never).await.unwrap();
                assert!(stored.is_stored());
                let found = client.get(&key).await.unwrap().as_ref().map(text);
                assert_eq!(found.as_deref(), Some(value.as_str()));
                assert_eq!(client.get(&none).await.unwrap(), None);
                let item = client.gets(&key).await.unwrap().unwrap();
                assert_eq!(text(&item.value), value);
                let touched = client.gat(&key, Ttl::secs(100)).await.unwrap();
                assert_eq!(touched.as_ref().map(text), Some(value));
            }
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended.unwrap();
    }
}
