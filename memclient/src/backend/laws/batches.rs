//! Many keys in one call.

use std::sync::Arc;

use super::law::{LONG, Law};
use crate::{
    backend::{
        CacheBackend,
        op::{Capabilities, Mode, Set, Written},
    },
    wire::{Key, Value},
};

/// A batch has one answer per key, hits and misses at the places of their keys.
pub async fn get_many_answers_in_the_order_of_the_keys<B: CacheBackend>(backend: &Arc<B>) {
    let law = Law::new("get_many answers in the order of the keys", backend);
    let keys: Vec<Key> = (0..300).map(|n| law.key(&n.to_string())).collect();
    let expected: Vec<_> =
        (0..300).map(|n| (n % 3 != 0).then(|| Value::new(format!("value {n}"), n))).collect();
    for (key, value) in keys.iter().zip(&expected) {
        if let Some(value) = value {
            law.put(key, value.clone()).await;
        }
    }
    for _ in 0..2 {
        law.same(law.values(&keys).await, expected.clone(), "the answers of get_many");
    }
}

/// A key that stands twice in a batch is answered twice.
pub async fn get_many_answers_a_repeated_key_each_time<B: CacheBackend>(backend: &Arc<B>) {
    let law = Law::new("get_many answers a repeated key each time", backend);
    let (here, missing) = (law.key("here"), law.key("missing"));
    law.put(&here, Value::new("v", 1)).await;
    let keys = [&here, &missing, &here, &missing, &here].map(Clone::clone);
    let v = || Some(Value::new("v", 1));
    for _ in 0..2 {
        law.same(
            law.values(&keys).await,
            vec![v(), None, v(), None, v()],
            "the answers of get_many",
        );
    }
}

/// A batch without keys has no answers.
pub async fn get_many_of_nothing_is_nothing<B: CacheBackend>(backend: &Arc<B>) {
    let law = Law::new("get_many of nothing is nothing", backend);
    law.same(law.values(&[]).await, Vec::new(), "the answers of get_many");
}

/// A batch has one outcome per entry, at its place, and stores the entries.
pub async fn set_many_answers_in_the_order_of_the_entries<B: CacheBackend>(backend: &Arc<B>) {
    let law = Law::new("set_many answers in the order of the entries", backend);
    let keys: Vec<Key> = (0..300).map(|n| law.key(&n.to_string())).collect();
    let modes = law.offers(Capabilities::MODES);
    let taken = |n: usize| modes && n.is_multiple_of(7);
    for key in keys.iter().enumerate().filter(|(n, _)| taken(*n)).map(|(_, key)| key) {
        law.put(key, Value::new("old", 0)).await;
    }
    let how = if modes { Set::ttl(LONG).mode(Mode::Add) } else { Set::ttl(LONG) };
    let entry = |(n, key): (usize, &Key)| (key.clone(), Value::new(n.to_string(), 1), how);
    let entries = keys.iter().enumerate().map(entry).collect();
    let outcomes = law.backend.set_many(entries).await;
    let outcomes: Vec<_> =
        outcomes.into_iter().map(|outcome| law.ok(outcome, "set_many")).collect();
    let expected = |n| {
        if taken(n) { Written::NotStored } else { Written::Stored }
    };
    law.same(outcomes, (0..keys.len()).map(expected).collect(), "the outcomes of set_many");
    for (n, key) in keys.iter().enumerate() {
        let value = if taken(n) { Value::new("old", 0) } else { Value::new(n.to_string(), 1) };
        law.holds(key, Some(value)).await;
    }
}

/// A batch without entries has no outcomes.
pub async fn set_many_of_nothing_is_nothing<B: CacheBackend>(backend: &Arc<B>) {
    let law = Law::new("set_many of nothing is nothing", backend);
    law.same(law.backend.set_many(Vec::new()).await.len(), 0, "the number of outcomes");
}
