//! Add, replace, append, prepend.

use std::sync::Arc;

use super::law::{LONG, Law};
use crate::{
    backend::{
        CacheBackend,
        op::{Capabilities, Mode, Set, Written},
    },
    wire::Value,
};

/// An add over an item changes nothing and says so.
pub async fn add_stores_only_where_nothing_is<B: CacheBackend>(backend: &Arc<B>) {
    let law = Law::new("add stores only where nothing is", backend);
    if !law.offers(Capabilities::MODES) {
        return;
    }
    let (key, add) = (law.key(""), Set::ttl(LONG).mode(Mode::Add));
    law.writes(&key, Value::new("first", 1), add, Written::Stored).await;
    law.writes(&key, Value::new("second", 2), add, Written::NotStored).await;
    law.holds(&key, Some(Value::new("first", 1))).await;
}

/// A replace of nothing stores nothing and says so.
pub async fn replace_stores_only_over_an_item<B: CacheBackend>(backend: &Arc<B>) {
    let law = Law::new("replace stores only over an item", backend);
    if !law.offers(Capabilities::MODES) {
        return;
    }
    let (key, replace) = (law.key(""), Set::ttl(LONG).mode(Mode::Replace));
    law.writes(&key, Value::new("first", 1), replace, Written::NotStored).await;
    law.holds(&key, None).await;
    law.put(&key, Value::new("first", 1)).await;
    law.writes(&key, Value::new("second", 2), replace, Written::Stored).await;
    law.holds(&key, Some(Value::new("second", 2))).await;
}

/// An append leaves the flags of the item.
pub async fn append_adds_behind_and_keeps_the_flags<B: CacheBackend>(backend: &Arc<B>) {
    let law = Law::new("append adds behind and keeps the flags", backend);
    if !law.offers(Capabilities::MODES) {
        return;
    }
    let key = law.key("");
    law.put(&key, Value::new("ab", 3)).await;
    law.holds(&key, Some(Value::new("ab", 3))).await;
    law.writes(&key, Value::new("cd", 9), Set::default().mode(Mode::Append), Written::Stored).await;
    law.holds(&key, Some(Value::new("abcd", 3))).await;
}

/// A prepend leaves the flags of the item.
pub async fn prepend_adds_before_and_keeps_the_flags<B: CacheBackend>(backend: &Arc<B>) {
    let law = Law::new("prepend adds before and keeps the flags", backend);
    if !law.offers(Capabilities::MODES) {
        return;
    }
    let key = law.key("");
    law.put(&key, Value::new("cd", 3)).await;
    law.holds(&key, Some(Value::new("cd", 3))).await;
    law.writes(&key, Value::new("ab", 9), Set::default().mode(Mode::Prepend), Written::Stored)
        .await;
    law.holds(&key, Some(Value::new("abcd", 3))).await;
}

/// Where nothing is, nothing can be added to.
pub async fn append_and_prepend_need_an_item<B: CacheBackend>(backend: &Arc<B>) {
    let law = Law::new("append and prepend need an item", backend);
    if !law.offers(Capabilities::MODES) {
        return;
    }
    for mode in [Mode::Append, Mode::Prepend] {
        let key = law.key(&format!("{mode:?}"));
        law.writes(&key, Value::new("v", 0), Set::default().mode(mode), Written::NotStored).await;
        law.holds(&key, None).await;
    }
}

/// The condition of an add and its write are one.
pub async fn of_concurrent_adds_one_stores<B: CacheBackend>(backend: &Arc<B>) {
    let law = Law::new("of concurrent adds one stores", backend);
    if !law.offers(Capabilities::MODES) {
        return;
    }
    let key = law.key("");
    let winner = law.race(&key, Set::ttl(LONG).mode(Mode::Add), Written::NotStored).await;
    law.holds(&key, Some(winner)).await;
}
