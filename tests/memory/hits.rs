//! What a hit in this process's memory costs, by count.

use std::{
    future::Future,
    pin::pin,
    sync::atomic::{AtomicU64, Ordering::SeqCst},
    task::{Context, Poll, Waker},
};

use memclient::{
    __private::SchemaWriter, Cache, CacheValue, Client, DecodeError, EncodeError, Payload, Schema,
    cached,
};
use memclient_tests::Memcached;

use super::{ALLOCATOR, alone};

const KEYS: u64 = 10_000;

/// moka tidies up after some of the hits, on the thread of whoever asks, and may allocate then. That
/// is no part of a hit, and rare: a bare moka allocates once in a hundred.
const HITS_PER_ALLOCATION: u64 = 100;

static DECODED: AtomicU64 = AtomicU64::new(0);

/// A value that counts how often it is decoded.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Price(u64);

impl Schema for Price {
    fn describe(schema: &mut SchemaWriter) {
        schema.name("Price");
    }
}

impl CacheValue for Price {
    fn encode(&self) -> Result<Payload, EncodeError> {
        self.0.encode()
    }

    fn decode(payload: &Payload) -> Result<Self, DecodeError> {
        DECODED.fetch_add(1, SeqCst);
        u64::decode(payload).map(Self)
    }
}

#[allow(clippy::unused_async, reason = "it stands for one that waits")]
#[cached(ttl = "1h")]
async fn price(book: u64) -> Price {
    Price(book * 3)
}

#[cached(ttl = "1h")]
fn price_at_once(book: u64) -> Price {
    Price(book * 3)
}

#[tokio::test]
async fn a_near_hit_allocates_nothing_waits_for_nothing_and_decodes_nothing() {
    let _alone = alone().await;
    let server = Memcached::start().await.unwrap();
    let cache = Cache::builder().backend(Client::new(server.address()).unwrap()).build().unwrap();
    cache.install();
    let typed = cache.typed::<Price>("book");
    for book in 0..KEYS {
        typed.put(&book, &Price(book * 3)).await.unwrap();
        price(book).await;
    }
    tokio::task::spawn_blocking(|| (0..KEYS).for_each(|book| _ = price_at_once(book)))
        .await
        .unwrap();
    let loads = cache.stats().loads;
    count("TypedCache::get", |book| at_once(typed.get(&book)).unwrap());
    count("TypedCache::get_or_load", |book| {
        Some(at_once(typed.get_or_load(&book, || async { Price(0) })))
    });
    count("a cached async function", |book| Some(at_once(price(book))));
    count("a cached function", |book| Some(price_at_once(book)));
    assert_eq!(cache.stats().loads, loads);
}

/// Asks for every key, thrice.
fn count(what: &str, hit: impl Fn(u64) -> Option<Price>) {
    let (decoded, before) = (DECODED.load(SeqCst), ALLOCATOR.stats());
    for book in (0..3).flat_map(|_| 0..KEYS) {
        assert_eq!(hit(book), Some(Price(book * 3)));
    }
    let after = ALLOCATOR.stats();
    let allocations = after.allocations + after.reallocations;
    let allocations = (allocations - before.allocations - before.reallocations) as u64;
    println!("{what}: {allocations} allocations in {} hits", 3 * KEYS);
    assert!(allocations <= 3 * KEYS / HITS_PER_ALLOCATION, "{what}: {allocations} allocations");
    assert_eq!(DECODED.load(SeqCst), decoded, "{what} decodes");
}

/// Returns what a future is ready with when it is first asked.
#[track_caller]
fn at_once<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("a near hit waits"),
    }
}
