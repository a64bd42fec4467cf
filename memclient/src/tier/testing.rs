//! What the tests of the tiers share.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::{sync::Semaphore, task::yield_now};

use super::Tiered;
use crate::{
    backend::{
        Arithmetic, CacheBackend, Capabilities, Delete, Get, Hit, MokaBackend, Read, Set, Written,
    },
    clock::Clock,
    error::Result,
    wire::{Deleted, Key, Touched, Ttl, Value},
};

pub(super) fn tiers() -> Tiered<MokaBackend, Far> {
    Tiered::new(MokaBackend::new(), Far::new(MokaBackend::new()))
}

pub(super) fn moka(clock: &Clock) -> MokaBackend {
    MokaBackend::builder().clock(clock.clone()).build()
}

pub(super) fn key() -> Key {
    Key::new("k").unwrap()
}

pub(super) fn value(data: &'static str) -> Value {
    Value::new(data, 0)
}

pub(super) async fn get<B: CacheBackend>(backend: &B, how: Get) -> Option<Hit> {
    backend.get(&key(), how).await.unwrap().hit()
}

pub(super) async fn read<B: CacheBackend>(backend: &B) -> Option<Value> {
    get(backend, Get::default()).await.map(|hit| hit.value)
}

/// A far tier whose answers to reads, and whose writes, can be held up on the way.
pub(super) struct Far {
    pub(super) store: MokaBackend,
    pub(super) answers: Gate,
    pub(super) writes: Gate,
    reads: AtomicUsize,
    batches: std::sync::Mutex<Vec<usize>>,
}

impl Far {
    pub(super) fn new(store: MokaBackend) -> Self {
        Self {
            store,
            answers: Gate::new(),
            writes: Gate::new(),
            reads: AtomicUsize::new(0),
            batches: std::sync::Mutex::default(),
        }
    }

    /// Writes as another process does.
    pub(super) async fn put(&self, data: &'static str, ttl: Ttl) {
        assert!(self.store.set(&key(), value(data), Set::ttl(ttl)).await.unwrap().is_stored());
    }

    pub(super) fn reads(&self) -> usize {
        self.reads.load(Ordering::SeqCst)
    }

    pub(super) fn batches(&self) -> Vec<usize> {
        self.batches.lock().unwrap().clone()
    }
}

impl CacheBackend for Far {
    async fn get(&self, key: &Key, how: Get) -> Result<Read> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        yield_now().await;
        let answer = self.store.get(key, how).await;
        self.answers.pass().await;
        answer
    }

    async fn get_many(&self, keys: &[Key], how: Get) -> Vec<Result<Read>> {
        self.batches.lock().unwrap().push(keys.len());
        yield_now().await;
        let answers = self.store.get_many(keys, how).await;
        self.answers.pass().await;
        answers
    }

    async fn set(&self, key: &Key, value: Value, how: Set) -> Result<Written> {
        self.writes.pass().await;
        self.store.set(key, value, how).await
    }

    async fn delete(&self, key: &Key, how: Delete) -> Result<Deleted> {
        self.writes.pass().await;
        self.store.delete(key, how).await
    }

    async fn touch(&self, key: &Key, ttl: Ttl) -> Result<Touched> {
        self.store.touch(key, ttl).await
    }

    async fn arithmetic(&self, key: &Key, how: Arithmetic) -> Result<Option<u64>> {
        self.store.arithmetic(key, how).await
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::CAS | Capabilities::TTL_LEFT
    }
}

pub(super) struct Gate {
    closed: AtomicBool,
    waiting: Semaphore,
    passes: Semaphore,
}

impl Gate {
    pub(super) fn new() -> Self {
        Self {
            closed: AtomicBool::new(false),
            waiting: Semaphore::new(0),
            passes: Semaphore::new(0),
        }
    }

    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
    }

    pub(super) fn open(&self) {
        self.closed.store(false, Ordering::SeqCst);
        self.passes.add_permits(1);
    }

    pub(super) async fn pass(&self) {
        if self.closed.load(Ordering::SeqCst) {
            self.waiting.add_permits(1);
            self.passes.acquire().await.unwrap().forget();
        }
    }

    pub(super) async fn somebody_waits(&self) {
        self.waiting.acquire().await.unwrap().forget();
    }
}
