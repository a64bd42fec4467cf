//! What a server knows of an item.

use std::time::Duration;

use memclient::{Ttl, TtlLeft};

use super::At;

in_every_setup! {
    what_a_server_knows_of_an_item_is_told
}

async fn what_a_server_knows_of_an_item_is_told(at: &At) {
    at.put_for("k", Ttl::secs(100)).await;
    if !at.is_meta() {
        let error = at.client.meta_of("k").await.unwrap_err();
        assert!(error.is_unsupported() && error.to_string().contains("1.6.10"), "{error}");
        return;
    }
    let cas = at.version("k").await;
    at.put_for("new", Ttl::Never).await;

    let info = at.client.meta_of("k").await.unwrap().unwrap();

    assert_eq!(info.cas, cas);
    assert!(info.fetched && info.size > 0 && info.class > 0);
    let TtlLeft::Left(left) = info.ttl_left else { panic!("it lives {:?}", info.ttl_left) };
    assert!((90..=100).contains(&left.as_secs()));
    assert!(info.last_access < Duration::from_secs(90));
    let new = at.client.meta_of("new").await.unwrap().unwrap();
    assert!(!new.fetched && new.ttl_left == TtlLeft::Never);
    assert_eq!(at.client.meta_of("none").await.unwrap(), None);
}
