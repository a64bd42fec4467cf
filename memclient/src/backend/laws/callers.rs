//! Many callers, callers that leave, and answers from this process.

use std::sync::Arc;

use tokio::task::JoinSet;

use super::law::{LONG, Law, ROUNDS, TASKS, poll_once};
use crate::{
    backend::{
        CacheBackend,
        op::{Arithmetic, Capabilities, Delete, Get, Set},
    },
    wire::{Deleted, Value},
};

/// Whatever others do, a task's read gives what the task wrote last.
pub async fn every_task_reads_its_own_writes<B: CacheBackend>(backend: &Arc<B>) {
    const NAME: &str = "every task reads its own writes";
    let mut tasks = JoinSet::new();
    for task in 0..TASKS {
        let backend = Arc::clone(backend);
        tasks.spawn(async move {
            let law = Law::new(NAME, &backend);
            let key = law.key(&task.to_string());
            for round in 0..ROUNDS {
                let value = Value::new(format!("{task} {round}"), 0);
                law.put(&key, value.clone()).await;
                law.same(law.value(&key, Get::default()).await, Some(value), "a read after a set");
                if round % 4 == 3 {
                    law.deletes(&key, Delete::default(), Deleted::Deleted).await;
                    law.same(law.value(&key, Get::default()).await, None, "a read after a delete");
                }
            }
        });
    }
    tasks.join_all().await;
}

/// A backend that answers from this process's memory gives the answer of a read.
pub async fn a_local_answer_is_the_answer<B: CacheBackend>(backend: &Arc<B>) {
    let law = Law::new("a local answer is the answer", backend);
    let key = law.key("");
    law.check(
        law.backend.local(key.as_bytes()).is_none(),
        "there is a local answer for a key never written",
    );
    for value in [Value::new("first", 1), Value::new("second", 2)] {
        law.put(&key, value.clone()).await;
        for _ in 0..2 {
            let local = law.backend.local(key.as_bytes()).map(|hit| hit.value);
            law.check(
                local.is_none_or(|local| local == value),
                "the local answer is another value than was set",
            );
            law.same(law.value(&key, Get::default()).await, Some(value.clone()), "the value");
        }
    }
    law.deletes(&key, Delete::default(), Deleted::Deleted).await;
    law.check(
        law.backend.local(key.as_bytes()).is_none(),
        "there is a local answer for a deleted item",
    );
}

/// Passing in-process tiers over changes nothing about what one writer sees.
pub async fn a_shared_read_is_the_answer<B: CacheBackend>(backend: &Arc<B>) {
    let law = Law::new("a shared read is the answer", backend);
    let key = law.key("");
    for n in 0..4 {
        let value = Some(Value::new("v", n));
        law.put(&key, Value::new("v", n)).await;
        law.same(law.value(&key, Get::shared()).await, value.clone(), "the shared answer");
        law.same(law.value(&key, Get::default()).await, value, "the answer after a shared one");
    }
    let shared = law.backend.get_many(&[key.clone(), key], Get::shared()).await;
    let shared: Vec<_> =
        shared.into_iter().map(|read| law.ok(read, "a shared get_many").value()).collect();
    law.same(shared, vec![Some(Value::new("v", 3)); 2], "the shared answers");
}

/// A call whose future is dropped is done or not done; other calls, then and later, notice nothing.
pub async fn dropped_calls_harm_nothing<B: CacheBackend>(backend: &Arc<B>) {
    let law = Law::new("dropped calls harm nothing", backend);
    let (other, dropped, counter) = (law.key("other"), law.key("dropped"), law.key("counter"));
    law.put(&other, Value::new("other", 1)).await;
    law.put(&counter, Value::new("1", 0)).await;
    let value = || Value::new("dropped", 2);
    for round in 0..20 {
        poll_once(law.backend.get(&dropped, Get::default()));
        poll_once(law.backend.get_many(&[dropped.clone(), other.clone()], Get::default()));
        poll_once(law.backend.set(&dropped, value(), Set::ttl(LONG)));
        poll_once(law.backend.set_many(vec![(dropped.clone(), value(), Set::ttl(LONG))]));
        poll_once(law.backend.touch(&dropped, LONG));
        poll_once(law.backend.delete(&dropped, Delete::default()));
        if law.offers(Capabilities::ARITHMETIC) {
            poll_once(law.backend.arithmetic(&counter, Arithmetic::increment(1)));
        }
        law.same(
            law.value(&other, Get::default()).await,
            Some(Value::new("other", 1)),
            "another item",
        );
        let fresh = law.key(&format!("fresh{round}"));
        law.put(&fresh, Value::new("fresh", 3)).await;
        law.holds(&fresh, Some(Value::new("fresh", 3))).await;
    }
    let left = law.value(&dropped, Get::default()).await;
    law.check(left.as_ref().is_none_or(|left| *left == value()), &format!("the item is {left:?}"));
    if law.offers(Capabilities::ARITHMETIC) {
        let count = law.backend.arithmetic(&counter, Arithmetic::increment(0)).await;
        let count = law.ok(count, "the counter");
        law.check(
            count.is_some_and(|count| (1..=21).contains(&count)),
            &format!("the counter is {count:?}"),
        );
    }
}
