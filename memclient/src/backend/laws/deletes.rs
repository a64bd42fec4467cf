//! Removing items.

use std::sync::Arc;

use super::law::Law;
use crate::{
    backend::{
        CacheBackend,
        op::{Capabilities, Delete},
    },
    wire::{CasToken, Deleted, Value},
};

/// A read after a delete finds nothing.
pub async fn a_deleted_item_is_gone<B: CacheBackend>(backend: &Arc<B>) {
    let law = Law::new("a deleted item is gone", backend);
    let key = law.key("");
    law.put(&key, Value::new("v", 0)).await;
    law.holds(&key, Some(Value::new("v", 0))).await;
    law.deletes(&key, Delete::default(), Deleted::Deleted).await;
    law.holds(&key, None).await;
}

/// A delete tells whether there was something.
pub async fn a_delete_of_nothing_is_not_found<B: CacheBackend>(backend: &Arc<B>) {
    let law = Law::new("a delete of nothing is not found", backend);
    let key = law.key("");
    law.deletes(&key, Delete::default(), Deleted::NotFound).await;
    if law.offers(Capabilities::CAS | Capabilities::CAS_DELETE) {
        law.deletes(&key, Delete::if_cas(CasToken::new(1)), Deleted::NotFound).await;
    }
}

/// Nobody wrote in between, so the delete goes through.
pub async fn a_delete_of_the_version_that_was_read_deletes<B: CacheBackend>(backend: &Arc<B>) {
    let law = Law::new("a delete of the version that was read deletes", backend);
    if !law.offers(Capabilities::CAS | Capabilities::CAS_DELETE) {
        return;
    }
    let key = law.key("");
    law.put(&key, Value::new("v", 0)).await;
    let version = law.version(&key).await;
    law.deletes(&key, Delete::if_cas(version), Deleted::Deleted).await;
    law.holds(&key, None).await;
}

/// Somebody wrote in between, so nothing changes.
pub async fn a_delete_of_an_older_version_keeps_the_item<B: CacheBackend>(backend: &Arc<B>) {
    let law = Law::new("a delete of an older version keeps the item", backend);
    if !law.offers(Capabilities::CAS | Capabilities::CAS_DELETE) {
        return;
    }
    let key = law.key("");
    law.put(&key, Value::new("old", 0)).await;
    let version = law.version(&key).await;
    law.put(&key, Value::new("new", 1)).await;
    law.deletes(&key, Delete::if_cas(version), Deleted::Exists).await;
    law.holds(&key, Some(Value::new("new", 1))).await;
}
