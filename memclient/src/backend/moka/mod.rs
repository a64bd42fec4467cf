//! This process's own memory as a backend.

mod builder;
mod copy;
mod count;
mod item;
mod lease;
mod read;
#[cfg(test)]
mod testing;
mod versions;
mod weight;
mod write;

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use foldhash::quality::RandomState;
use moka::{ops::compute::Op, sync::Cache};

pub use self::builder::MokaBackendBuilder;
use self::{item::Item, versions::Versions, weight::weight};
use crate::{
    backend::{
        CacheBackend,
        front::Front,
        lease::{Lease, Released},
        op::{Arithmetic, Capabilities, Delete, Get, Hit, Keep, Read, Set, TtlLeft, Written},
    },
    clock::Clock,
    error::Result,
    wire::{CasToken, Deleted, Key, Touched, Ttl, Value},
};

/// The store looks whether it is full when so small a part of its budget was put.
const UNSEEN_SHARE: u64 = 256;

/// A backend in this process's own memory, with memcached's semantics.
///
/// It has versions, all modes, counters, leases, stale items and exact remaining lives, so it serves as the only backend
/// of a program without a server, as the near tier of [`Tiered`](crate::Tiered), and in place of
/// memcached in tests. Where it differs: lives are exact and not counted by whole seconds of the
/// server's clock, a decremented counter is not padded with spaces, and there is no limit to one
/// value but the budget.
///
/// The budget is one of memory: each item counts its key and its value, and 700 bytes for what it
/// takes besides, as measured. A decoded form counts its own size, and as much as the bytes it was
/// made of for what it owns; one that owns much more than that takes more than it counts. When the
/// budget is full, items that are seldom read go first, which may be the newest. Clones share the
/// items.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use memclient::{
///     CacheBackend, Key, MokaBackend, Ttl, Value,
///     backend::{Get, Set},
/// };
///
/// let backend = MokaBackend::builder().max_bytes(1024 * 1024).build();
/// let key = Key::new("greeting")?;
/// let written = backend.set(&key, Value::of("hello")?, Set::ttl(Ttl::secs(60))).await?;
/// assert!(written.is_stored());
/// assert_eq!(backend.get(&key, Get::default()).await?.value(), Some(Value::of("hello")?));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct MokaBackend {
    items: Cache<Key, Arc<Item>, RandomState>,
    front: Arc<Front<Item>>,
    versions: Arc<Versions>,
    /// What was put since the store last looked whether it is full.
    unseen: Arc<AtomicU64>,
    clock: Clock,
    max_bytes: u64,
}

impl MokaBackend {
    /// Returns an empty backend with a budget of 64 MiB.
    pub fn new() -> Self {
        Self::builder().build()
    }

    /// Returns a builder, to choose the budget and the clock.
    pub fn builder() -> MokaBackendBuilder {
        MokaBackendBuilder::default()
    }

    /// Returns the number of items; expired ones that still wait for their removal are among them, and
    /// the stubs of those that are being loaded.
    pub fn len(&self) -> u64 {
        self.items.run_pending_tasks();
        self.items.entry_count()
    }

    /// Returns true when there are no items.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns what the items count towards the budget.
    pub fn bytes(&self) -> u64 {
        self.items.run_pending_tasks();
        self.items.weighted_size()
    }

    /// Removes all items.
    pub fn clear(&self) {
        self.versions.end_all();
        self.items.invalidate_all();
    }

    /// Decides about one key with nobody else deciding about it meanwhile; an item that is over is
    /// not shown, and gone afterwards. The decision gets the version that a new item is to have.
    fn change<T>(
        &self,
        key: &Key,
        decide: impl FnOnce(Option<Item>, CasToken) -> (Op<Item>, T),
    ) -> T {
        // Taken before the item is read: what is made of an item that is cleared meanwhile is
        // cleared with it.
        let _change = self.front.change(key.as_bytes());
        let next = self.versions.next();
        let mut outcome = None;
        let mut put = 0;
        self.items.entry_by_ref(key).and_compute_with(|found| {
            let found = found.map(|entry| Arc::unwrap_or_clone(entry.into_value()));
            let over = found.as_ref().is_some_and(|item| !self.is_alive(item, self.clock.now()));
            let (op, result) = decide(found.filter(|_| !over), next);
            outcome = Some(result);
            match op {
                Op::Nop if over => Op::Remove,
                Op::Nop => Op::Nop,
                Op::Remove => Op::Remove,
                Op::Put(item) => {
                    put = weight(key, &item);
                    Op::Put(Arc::new(item))
                }
            }
        });
        self.make_room(put);
        #[expect(
            clippy::expect_used,
            reason = "the closure runs exactly once before the call returns"
        )]
        outcome.expect("the closure ran")
    }

    /// Lets the store look whether it is full, once much was put since it last did: by itself it
    /// does so after a number of writes, which may be large ones.
    fn make_room(&self, put: u32) {
        let unseen = self.unseen.fetch_add(u64::from(put), Ordering::Relaxed) + u64::from(put);
        if unseen > self.max_bytes / UNSEEN_SHARE {
            self.unseen.store(0, Ordering::Relaxed);
            self.items.run_pending_tasks();
        }
    }

    fn is_good(&self, item: &Item, now: Instant) -> bool {
        item.is_fresh() && self.is_alive(item, now)
    }

    fn is_alive(&self, item: &Item, now: Instant) -> bool {
        !item.life.is_over(now) && !self.versions.has_ended(item.version)
    }

    fn fits(&self, key: &Key, item: &Item) -> bool {
        u64::from(weight(key, item)) <= self.max_bytes
    }
}

impl Default for MokaBackend {
    fn default() -> Self {
        Self::new()
    }
}

impl CacheBackend for MokaBackend {
    async fn get(&self, key: &Key, how: Get) -> Result<Read> {
        Ok(match how.lease {
            None => self.read(key.as_bytes()),
            Some(terms) => self.read_leased(key, terms),
        })
    }

    async fn confirm_many(&self, items: &[(Key, CasToken)]) -> Vec<Result<Option<TtlLeft>>> {
        items.iter().map(|(key, version)| Ok(self.confirm(key.as_bytes(), *version))).collect()
    }

    async fn set(&self, key: &Key, value: Value, how: Set) -> Result<Written> {
        self.store(key, value, how)
    }

    async fn delete(&self, key: &Key, how: Delete) -> Result<Deleted> {
        Ok(self.remove(key, how))
    }

    async fn release(&self, key: &Key, lease: Lease) -> Result<Released> {
        Ok(self.give_back(key, lease))
    }

    fn release_now(&self, key: &Key, lease: Lease) {
        self.give_back(key, lease);
    }

    async fn touch(&self, key: &Key, ttl: Ttl) -> Result<Touched> {
        Ok(self.relive(key, ttl))
    }

    async fn arithmetic(&self, key: &Key, how: Arithmetic) -> Result<Option<u64>> {
        self.count(key, how)
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::CAS
            | Capabilities::TTL_LEFT
            | Capabilities::ARITHMETIC
            | Capabilities::MODES
            | Capabilities::COPIES
            | Capabilities::LEASE
            | Capabilities::STALE
            | Capabilities::CAS_DELETE
            | Capabilities::COUNTER_START
            | Capabilities::CONFIRM
    }

    fn local(&self, key: &[u8]) -> Option<Hit> {
        self.find(key)
    }

    fn look_local(&self, key: &[u8], look: &mut dyn FnMut(&Value)) -> bool {
        let item = self.item(key, self.clock.now()).filter(|item| item.is_fresh());
        item.is_some_and(|item| {
            look(&item.value);
            true
        })
    }

    fn lapsed(&self, key: &[u8]) -> Option<Hit> {
        self.lapsed_copy(key)
    }

    async fn keep(&self, key: &Key, hit: Hit, how: Keep) -> Result<()> {
        self.copy(key, hit, how);
        Ok(())
    }

    fn keep_decoded(&self, key: &Key, value: &Value) {
        self.put_decoded(key, value);
    }
}

impl fmt::Debug for MokaBackend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MokaBackend")
            .field("items", &self.items.entry_count())
            .field("bytes", &self.items.weighted_size())
            .field("max_bytes", &self.max_bytes)
            .field("clock", &self.clock)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::{
        testing::{key, put, value},
        *,
    };
    use crate::backend::op::Mode;

    #[test]
    fn clearing_ends_what_is_there_and_nothing_later() {
        let backend = MokaBackend::new();
        assert!(put(&backend, "v", Set::default()).is_stored());
        backend.clear();
        assert_eq!(backend.find(b"k"), None);
        assert_eq!(backend.len(), 0);
        assert!(put(&backend, "w", Set::default().mode(Mode::Add)).is_stored());
        assert_eq!(backend.find(b"k").unwrap().value, value("w"));
    }

    #[test]
    fn what_an_overlapping_change_makes_of_a_cleared_item_is_cleared_too() {
        let backend = MokaBackend::new();
        assert!(put(&backend, "v", Set::default()).is_stored());
        backend.change(&key(), |found, next| {
            backend.clear();
            (Op::Put(found.unwrap().changed("vw".into(), next)), ())
        });
        assert_eq!(backend.find(b"k"), None);
    }
}
