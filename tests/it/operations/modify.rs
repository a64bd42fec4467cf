//! Changing what is there.

use memclient::{CasToken, Deleted, Touched, Ttl};

use super::At;

in_every_setup! {
    a_delete_says_whether_there_was_an_item
    a_delete_if_spares_another_version
    a_touch_gives_another_life
    delete_many_says_of_each_key_whether_there_was_an_item
    touch_many_says_of_each_key_whether_there_was_an_item
    batches_of_nothing_send_nothing
}

async fn a_delete_says_whether_there_was_an_item(at: &At) {
    at.put("k", "v").await;

    assert_eq!(at.client.delete("k").await.unwrap(), Deleted::Deleted);
    assert_eq!(at.client.delete("k").await.unwrap(), Deleted::NotFound);

    assert!(at.held("k").await.is_none());
}

async fn a_delete_if_spares_another_version(at: &At) {
    if !at.is_meta() {
        let error = at.client.delete_if("k", CasToken::new(1)).await.unwrap_err();
        assert!(error.is_unsupported() && !error.is_retryable(), "{error:?}");
        assert_eq!(error.command(), Some("delete"));
        return;
    }
    let delete_if = async |version| at.client.delete_if("k", version).await.unwrap();
    assert_eq!(delete_if(CasToken::new(1)).await, Deleted::NotFound);
    at.put("k", "1").await;
    let old = at.version("k").await;
    at.put("k", "2").await;

    assert_eq!(delete_if(old).await, Deleted::Exists);
    assert_eq!(at.text("k").await.as_deref(), Some("2"));
    assert_eq!(delete_if(at.version("k").await).await, Deleted::Deleted);

    assert!(at.held("k").await.is_none());
}

async fn a_touch_gives_another_life(at: &At) {
    let touch = async |ttl: Ttl| at.client.touch("k", ttl).await.unwrap();
    assert_eq!(touch(Ttl::secs(100)).await, Touched::NotFound);
    at.put("k", "v").await;

    assert_eq!(touch(Ttl::secs(100)).await, Touched::Touched);
    assert!((90..=100).contains(&at.seconds_left("k").await));
    assert_eq!(touch(Ttl::Immediately).await, Touched::Touched);

    assert_eq!(at.client.get("k").await.unwrap(), None);
}

async fn delete_many_says_of_each_key_whether_there_was_an_item(at: &At) {
    let keys: Vec<String> = (0..600).map(|number| format!("k{number}")).collect();
    for stored in at.client.set_many(keys.iter().step_by(2).map(|key| (key, "v")), Ttl::Never).await
    {
        assert!(stored.unwrap().is_stored());
    }
    at.put("other", "v").await;
    let mut keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    keys.insert(1, "two words");

    let outcomes = at.client.delete_many(&keys).await;

    assert_eq!(outcomes.len(), 601);
    for (place, outcome) in outcomes.into_iter().enumerate() {
        match place {
            1 => {
                let error = outcome.unwrap_err();
                assert!(error.as_key_error().is_some() && error.command() == Some("delete"));
            }
            // From the third on each stands one place behind its number.
            0 => assert_eq!(outcome.unwrap(), Deleted::Deleted),
            _ if place % 2 == 1 => assert_eq!(outcome.unwrap(), Deleted::Deleted, "{place}"),
            _ => assert_eq!(outcome.unwrap(), Deleted::NotFound, "{place}"),
        }
    }
    assert_eq!(at.stat("curr_items").await, 1);
}

async fn touch_many_says_of_each_key_whether_there_was_an_item(at: &At) {
    at.put("a", "v").await;
    at.put("b", "v").await;

    let outcomes = at.client.touch_many(&["a", "none", "b", ""], Ttl::secs(100)).await;

    let [a, none, b, empty] = &outcomes[..] else { panic!("not four outcomes: {outcomes:?}") };
    assert_eq!(*a.as_ref().unwrap(), Touched::Touched);
    assert_eq!(*none.as_ref().unwrap(), Touched::NotFound);
    assert_eq!(*b.as_ref().unwrap(), Touched::Touched);
    assert!(empty.as_ref().is_err_and(|error| error.as_key_error().is_some()));
    assert!((90..=100).contains(&at.seconds_left("a").await));
    assert!((90..=100).contains(&at.seconds_left("b").await));
}

async fn batches_of_nothing_send_nothing(at: &At) {
    let before = at.stat("total_connections").await;

    assert!(at.client.delete_many::<&str>(&[]).await.is_empty());
    assert!(at.client.touch_many::<&str>(&[], Ttl::Never).await.is_empty());
    assert!(at.client.gat_many::<&str>(&[], Ttl::Never).await.is_empty());
    assert!(at.client.gats_many::<&str>(&[], Ttl::Never).await.is_empty());

    // The look itself is one more.
    assert_eq!(at.stat("total_connections").await, before + 1);
}
