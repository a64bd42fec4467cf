//! The calls that every law makes.

use std::{
    fmt::Debug,
    future::Future,
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use tokio::{task::JoinSet, time::sleep};

use crate::{
    backend::{
        CacheBackend,
        lease::{Lease, LeaseTerms, Released},
        op::{Arithmetic, Capabilities, Delete, Get, Hit, Read, Set, Written},
    },
    error::Result,
    wire::{CasToken, Deleted, Key, Touched, Ttl, Value},
};

/// Long enough that nothing expires during a law.
pub(super) const LONG: Ttl = Ttl::secs(1_000);

pub(super) const TASKS: usize = 16;
pub(super) const ROUNDS: usize = 25;

/// One law on trial: its name for the complaint, and the calls that every law makes.
pub(super) struct Law<'a, B> {
    name: &'static str,
    pub(super) backend: &'a Arc<B>,
    nonce: u64,
}

impl<'a, B: CacheBackend> Law<'a, B> {
    pub(super) fn new(name: &'static str, backend: &'a Arc<B>) -> Self {
        Self { name, backend, nonce: fastrand::u64(..) }
    }

    /// Returns a key that no law has used before, the same for the same part.
    pub(super) fn key(&self, part: &str) -> Key {
        key_of(&format!("laws:{}:{:016x}:{part}", self.name.replace(' ', "-"), self.nonce))
    }

    pub(super) fn offers(&self, capability: Capabilities) -> bool {
        self.backend.capabilities().contains(capability)
    }

    pub(super) async fn put(&self, key: &Key, value: Value) {
        self.writes(key, value, Set::ttl(LONG), Written::Stored).await;
    }

    pub(super) async fn writes(&self, key: &Key, value: Value, how: Set, expected: Written) {
        let outcome = self.ok(self.backend.set(key, value, how).await, "a write");
        self.same(outcome, expected, "the outcome of a write");
    }

    pub(super) async fn deletes(&self, key: &Key, how: Delete, expected: Deleted) {
        let outcome = self.ok(self.backend.delete(key, how).await, "a delete");
        self.same(outcome, expected, "the outcome of a delete");
    }

    pub(super) async fn touches(&self, key: &Key, ttl: Ttl, expected: Touched) {
        let outcome = self.ok(self.backend.touch(key, ttl).await, "a touch");
        self.same(outcome, expected, "the outcome of a touch");
    }

    pub(super) async fn counts(&self, key: &Key, how: Arithmetic, expected: Option<u64>) {
        let outcome = self.ok(self.backend.arithmetic(key, how).await, "a change of a counter");
        self.same(outcome, expected, "the counter");
    }

    /// Lets many tasks write at once; returns the value of the one whose write was stored.
    pub(super) async fn race(&self, key: &Key, how: Set, loser: Written) -> Value {
        let mut tasks = JoinSet::new();
        for task in 0..TASKS {
            let (backend, key) = (Arc::clone(self.backend), key.clone());
            let value = Value::new(format!("task {task}"), 0);
            tasks.spawn(async move { (value.clone(), backend.set(&key, value, how).await) });
        }
        let mut winners = Vec::new();
        for (value, outcome) in tasks.join_all().await {
            match self.ok(outcome, "a write") {
                Written::Stored => winners.push(value),
                outcome => self.same(outcome, loser, "the outcome of a write that lost"),
            }
        }
        self.same(winners.len(), 1, "the number of writes that were stored");
        winners.swap_remove(0)
    }

    /// Reads with a lease, past tiers of this process.
    pub(super) async fn asks(&self, key: &Key, terms: LeaseTerms) -> Read {
        let how = Get::shared().with_lease(terms);
        self.ok(self.backend.get(key, how).await, "a read with a lease")
    }

    /// Wins the lease, which is to be had.
    pub(super) async fn wins(&self, key: &Key, terms: LeaseTerms) -> Lease {
        let read = self.asks(key, terms).await;
        let Some(lease) = read.won() else {
            self.broken(&format!("nobody has the lease, and a reader of it found {read:?}"))
        };
        lease
    }

    /// Asks until the lease is to be had, for up to three seconds.
    pub(super) async fn wins_soon(&self, key: &Key, terms: LeaseTerms) -> Lease {
        for _ in 0..60 {
            if let Some(lease) = self.asks(key, terms).await.won() {
                return lease;
            }
            sleep(Duration::from_millis(50)).await;
        }
        self.broken("the lease was not to be had for three seconds")
    }

    /// Lets a hundred readers ask at once; returns the lease of the one who won, and what the others
    /// found.
    pub(super) async fn crowd(&self, key: &Key, terms: LeaseTerms) -> (Read, Vec<Read>) {
        let mut tasks = JoinSet::new();
        for _ in 0..100 {
            let (backend, key) = (Arc::clone(self.backend), key.clone());
            let how = Get::shared().with_lease(terms);
            tasks.spawn(async move { backend.get(&key, how).await });
        }
        let reads = tasks.join_all().await.into_iter();
        let reads = reads.map(|read| self.ok(read, "a read with a lease"));
        let (mut won, others): (Vec<_>, Vec<_>) = reads.partition(|read| read.won().is_some());
        self.same(won.len(), 1, "the number of readers who got the lease");
        (won.swap_remove(0), others)
    }

    pub(super) async fn fills(&self, key: &Key, lease: Lease, value: Value, expected: Written) {
        self.writes(key, value, Set::ttl(LONG).if_cas(lease), expected).await;
    }

    pub(super) async fn releases(&self, key: &Key, lease: Lease, expected: Released) {
        let released = self.ok(self.backend.release(key, lease).await, "a release");
        self.same(released, expected, "the outcome of a release");
    }

    /// Asks in every way there is, more than once, so that tiers answer too.
    pub(super) async fn holds(&self, key: &Key, expected: Option<Value>) {
        for how in [Get::default(), Get::default(), Get::shared(), Get::default()] {
            self.same(self.value(key, how).await, expected.clone(), "the value");
        }
        self.same(
            self.values(std::slice::from_ref(key)).await,
            vec![expected],
            "the value in a batch",
        );
    }

    pub(super) async fn value(&self, key: &Key, how: Get) -> Option<Value> {
        self.read(key, how).await.map(|hit| hit.value)
    }

    pub(super) async fn values(&self, keys: &[Key]) -> Vec<Option<Value>> {
        let reads = self.backend.get_many(keys, Get::default()).await;
        reads.into_iter().map(|read| self.ok(read, "a read in a batch").value()).collect()
    }

    /// Versions and lives are asked of the shared tier, which always knows them.
    pub(super) async fn version(&self, key: &Key) -> CasToken {
        let Some(version) = self.hit(key).await.cas else { self.broken("a hit has no version") };
        version
    }

    pub(super) async fn hit(&self, key: &Key) -> Hit {
        let Some(hit) = self.read(key, Get::shared()).await else {
            self.broken("an item is missing")
        };
        hit
    }

    pub(super) async fn read(&self, key: &Key, how: Get) -> Option<Hit> {
        self.ok(self.backend.get(key, how).await, "a read").hit()
    }

    #[track_caller]
    pub(super) fn ok<T>(&self, result: Result<T>, what: &str) -> T {
        match result {
            Ok(value) => value,
            Err(error) => self.broken(&format!("{what} failed: {error}")),
        }
    }

    #[expect(clippy::needless_pass_by_value, reason = "the expectations are written in place")]
    #[track_caller]
    pub(super) fn same<T: Debug + PartialEq>(&self, found: T, expected: T, what: &str) {
        self.check(found == expected, &format!("{what} is {found:?}, expected {expected:?}"));
    }

    #[track_caller]
    pub(super) fn check(&self, holds: bool, complaint: &str) {
        if !holds {
            self.broken(complaint);
        }
    }

    #[track_caller]
    pub(super) fn broken(&self, complaint: &str) -> ! {
        panic!("the backend breaks the law \"{}\": {complaint}", self.name)
    }
}

#[expect(
    clippy::expect_used,
    reason = "the laws make their keys of letters, digits and punctuation"
)]
pub(super) fn key_of(name: &str) -> Key {
    Key::new(name).expect("the name is a key")
}

/// Lets a call begin and drops it where it first has to wait; returns what it had come to.
pub(super) fn poll_once<T>(call: impl Future<Output = T>) -> Option<T> {
    match pin!(call).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => Some(answer),
        Poll::Pending => None,
    }
}
