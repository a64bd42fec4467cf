//! What compiles under other names also runs.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

use memclient_hygiene::{behind, generic, key, lifetimes, put, Item, Shop};

#[tokio::test]
async fn everything_runs_under_other_names() {
    for _ in 0..2 {
        assert_eq!(key("", 7).await.unwrap().unwrap().key, 7);
        assert_eq!(generic::<u8, 3>(7), "73");
        assert_eq!(lifetimes("ab", &[1], &Item { key: 1 }).await.unwrap(), 3);
        assert_eq!(behind(7).await, 7);
        assert_eq!(Shop::plus(7), 8);
    }
    assert_eq!(key::peek(7).await.unwrap().unwrap().unwrap().unwrap().key, 7);
    let mut shop = Shop { tenant: 2 };
    assert_eq!(shop.times(3).await.unwrap(), 6);
    assert_eq!(shop.times_entry(3).peek().await.unwrap().unwrap().unwrap(), 6);
    shop.write(7).await.unwrap();
    assert!(key::peek(7).await.unwrap().is_none());
    let item = Item { key: 9 };
    put(item.clone()).unwrap();
    assert_eq!(key::peek(9).await.unwrap().unwrap().unwrap().unwrap().key, 9);
    assert_eq!(generic::<Item, 3>(item), "");
}
