//! Counting.

use std::sync::Arc;

use tokio::task::JoinSet;

use super::law::{LONG, Law, ROUNDS, TASKS};
use crate::{
    backend::{
        CacheBackend,
        op::{Arithmetic, Capabilities},
    },
    wire::Value,
};

/// Each change answers with the counter's new value.
pub async fn a_counter_counts_up_and_down<B: CacheBackend>(backend: &Arc<B>) {
    let law = Law::new("a counter counts up and down", backend);
    if !law.offers(Capabilities::ARITHMETIC) {
        return;
    }
    let key = law.key("");
    law.put(&key, Value::new("10", 0)).await;
    law.holds(&key, Some(Value::new("10", 0))).await;
    law.counts(&key, Arithmetic::increment(5), Some(15)).await;
    law.holds(&key, Some(Value::new("15", 0))).await;
    law.counts(&key, Arithmetic::decrement(4), Some(11)).await;
    law.counts(&key, Arithmetic::increment(0), Some(11)).await;
    law.holds(&key, Some(Value::new("11", 0))).await;
}

/// A counter has 64 bits without a sign.
pub async fn a_counter_wraps_at_the_top_and_stops_at_zero<B: CacheBackend>(backend: &Arc<B>) {
    let law = Law::new("a counter wraps at the top and stops at zero", backend);
    if !law.offers(Capabilities::ARITHMETIC) {
        return;
    }
    let key = law.key("");
    law.put(&key, Value::new(u64::MAX.to_string(), 0)).await;
    law.counts(&key, Arithmetic::increment(3), Some(2)).await;
    law.counts(&key, Arithmetic::decrement(u64::MAX), Some(0)).await;
    law.counts(&key, Arithmetic::increment(u64::MAX), Some(u64::MAX)).await;
}

/// A change without a start makes no counter.
pub async fn a_missing_counter_stays_missing<B: CacheBackend>(backend: &Arc<B>) {
    let law = Law::new("a missing counter stays missing", backend);
    if !law.offers(Capabilities::ARITHMETIC) {
        return;
    }
    let key = law.key("");
    law.counts(&key, Arithmetic::increment(1), None).await;
    law.counts(&key, Arithmetic::decrement(1), None).await;
    law.holds(&key, None).await;
}

/// A change with a start makes a counter of that value, and changes one that is there.
pub async fn a_missing_counter_starts_where_it_is_told<B: CacheBackend>(backend: &Arc<B>) {
    let law = Law::new("a missing counter starts where it is told", backend);
    if !law.offers(Capabilities::ARITHMETIC | Capabilities::COUNTER_START) {
        return;
    }
    let key = law.key("");
    let change = Arithmetic::increment(5).or_start_at(100, LONG);
    law.counts(&key, change, Some(100)).await;
    law.counts(&key, change, Some(105)).await;
}

/// A change of what is no number is an error, leaves the item, and leaves the backend in order.
pub async fn what_is_no_number_is_an_error_and_stays_as_it_is<B: CacheBackend>(backend: &Arc<B>) {
    let law = Law::new("what is no number is an error and stays as it is", backend);
    if !law.offers(Capabilities::ARITHMETIC) {
        return;
    }
    let (text, counter) = (law.key("text"), law.key("counter"));
    law.put(&text, Value::new("text", 4)).await;
    law.put(&counter, Value::new("1", 0)).await;
    for change in [Arithmetic::increment(1), Arithmetic::decrement(1)] {
        law.check(law.backend.arithmetic(&text, change).await.is_err(), "the change was no error");
        law.holds(&text, Some(Value::new("text", 4))).await;
    }
    law.counts(&counter, Arithmetic::increment(1), Some(2)).await;
}

/// Every change of a counter counts once.
pub async fn concurrent_increments_lose_nothing<B: CacheBackend>(backend: &Arc<B>) {
    let law = Law::new("concurrent increments lose nothing", backend);
    if !law.offers(Capabilities::ARITHMETIC) {
        return;
    }
    let key = law.key("");
    law.put(&key, Value::new("0", 0)).await;
    let mut tasks = JoinSet::new();
    for _ in 0..TASKS {
        let (backend, key) = (Arc::clone(backend), key.clone());
        tasks.spawn(async move {
            let mut seen = Vec::new();
            for _ in 0..ROUNDS {
                seen.push(backend.arithmetic(&key, Arithmetic::increment(1)).await);
            }
            seen
        });
    }
    let answers = tasks.join_all().await.into_iter().flatten();
    let mut counts: Vec<_> = answers.map(|answer| law.ok(answer, "an increment")).collect();
    counts.sort_unstable();
    law.same(
        counts,
        (1..=(TASKS * ROUNDS) as u64).map(Some).collect(),
        "the answers of all increments",
    );
}
