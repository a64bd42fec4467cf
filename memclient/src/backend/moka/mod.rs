//! This process's own memory as a backend.

mod item;
mod lease;
mod versions;

use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::{BufMut, Bytes, BytesMut};
use foldhash::quality::RandomState;
use moka::{Expiry, ops::compute::Op, sync::Cache};

use self::{
    item::{Item, Life, Origin},
    versions::Versions,
};
use crate::{
    backend::{
        CacheBackend,
        front::{Front, Seen},
        lease::{Lease, Released},
        op::{
            Arithmetic, Capabilities, Delete, Direction, Get, Hit, Mode, Read, Set, TtlLeft,
            Written,
        },
    },
    clock::Clock,
    error::{Delivery, Error, Result},
    wire::{CasToken, Deleted, Key, Touched, Ttl, Value},
};

/// What an item takes beyond the bytes of its key and its value, as measured on a 64-bit machine:
/// the item and its reference counts, the slot in the hash table, the places in the eviction queues
/// and in the timer wheel.
const OVERHEAD: usize = 560;

/// The client reads into chunks of this size; a shorter value may be a slice of one.
const READ_CHUNK: usize = 64 * 1024;

const DEFAULT_BYTES: u64 = 64 * 1024 * 1024;

/// A backend in this process's own memory, with memcached's semantics.
///
/// It has versions, all modes, counters, leases, stale items and exact remaining lives, so it serves as the only backend
/// of a program without a server, as the near tier of [`Tiered`](crate::Tiered), and in place of
/// memcached in tests. Where it differs: lives are exact and not counted by whole seconds of the
/// server's clock, a decremented counter is not padded with spaces, and there is no limit to one
/// value but the budget.
///
/// The budget counts bytes of keys and values, and a constant per item; a decoded form counts as
/// much as the bytes it was made of. When it is full, items that are seldom read go first, which
/// may be the newest. Clones share the items.
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
        MokaBackendBuilder { max_bytes: DEFAULT_BYTES, clock: Clock::system() }
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

    /// Returns the item, if there is a good one.
    fn find(&self, key: &[u8]) -> Option<Hit> {
        let now = self.clock.now();
        self.item(key, now).filter(|item| item.is_fresh()).map(|item| item.answer(now))
    }

    /// Returns what is there, whatever its state. The front knows good items alone.
    fn item(&self, key: &[u8], now: Instant) -> Option<Arc<Item>> {
        let ticket = match self.front.find(key) {
            // Another key may have the same hash.
            Seen::Item(item) if item.key.as_bytes() == key && self.is_good(&item, now) => {
                return Some(item);
            }
            Seen::Item(_) => None,
            Seen::Ask(ticket) => ticket,
        };
        let item = self.items.get(key).filter(|item| self.is_alive(item, now))?;
        if let Some(ticket) = ticket
            && item.is_fresh()
        {
            ticket.keep(&item);
        }
        Some(item)
    }

    fn store(&self, key: &Key, value: Value, how: Set) -> Result<Written> {
        let life = Life::of(how.ttl, &self.clock);
        self.change(key, |found, next| {
            match (how.cas, found.as_ref().map(|item| item.version)) {
                (Some(_), None) => return (Op::Nop, Ok(Written::NotFound)),
                (Some(named), Some(version)) if named != version => {
                    return (Op::Nop, Ok(Written::Exists));
                }
                _ => {}
            }
            let item = match (how.mode, found) {
                (Mode::Set, _) | (Mode::Add, None) | (Mode::Replace, Some(_)) => {
                    Item::new(key, unpinned(value), next, life)
                }
                (Mode::Append, Some(item)) => {
                    item.changed(concat(item.value.data(), value.data()), next)
                }
                (Mode::Prepend, Some(item)) => {
                    item.changed(concat(value.data(), item.value.data()), next)
                }
                _ => return (Op::Nop, Ok(Written::NotStored)),
            };
            if !self.fits(key, &item) {
                // As memcached has it: what an unconditional `set` was to replace must not outlive
                // the refusal.
                let op =
                    if how.mode == Mode::Set && how.cas.is_none() { Op::Remove } else { Op::Nop };
                let error = Error::too_large("object too large for cache", Delivery::Refused);
                return (op, Err(error.during("set")));
            }
            (item.into_op(), Ok(Written::Stored))
        })
    }

    fn remove(&self, key: &Key, how: Delete) -> Deleted {
        let _change = self.front.change(key.as_bytes());
        // Much cheaper than a decision, and the common case for a tier that makes way for a write.
        if !self.items.contains_key(key) {
            return Deleted::NotFound;
        }
        let grace = how.stale_for.map(|grace| Life::of(Ttl::After(grace), &self.clock));
        self.change(key, |found, next| match (found, how.cas) {
            (None, _) => (Op::Nop, Deleted::NotFound),
            (Some(item), Some(named)) if item.version != named => (Op::Nop, Deleted::Exists),
            (Some(item), _) => {
                let stale = grace.map(|life| item.into_stale(next, life).into_op());
                (stale.unwrap_or(Op::Remove), Deleted::Deleted)
            }
        })
    }

    fn relive(&self, key: &Key, ttl: Ttl) -> Touched {
        let life = Life::of(ttl, &self.clock);
        self.change(key, |found, _| match found {
            None => (Op::Nop, Touched::NotFound),
            Some(item) => (Item { life, ..item }.into_op(), Touched::Touched),
        })
    }

    fn count(&self, key: &Key, how: Arithmetic) -> Result<Option<u64>> {
        self.change(key, |found, next| {
            let Some(item) = found else {
                let Some((initial, ttl)) = how.initial else {
                    return (Op::Nop, Ok(None));
                };
                let value = Value::new(initial.to_string(), 0);
                let item = Item::new(key, value, next, Life::of(ttl, &self.clock));
                return (item.into_op(), Ok(Some(initial)));
            };
            let Some(before) = digits(item.value.data()) else {
                return (Op::Nop, Err(not_a_number(how.direction)));
            };
            let after = match how.direction {
                Direction::Up => before.wrapping_add(how.delta),
                Direction::Down => before.saturating_sub(how.delta),
            };
            (item.changed(after.to_string().into(), next).into_op(), Ok(Some(after)))
        })
    }

    fn copy(&self, key: &Key, hit: Hit, ttl: Ttl) {
        let origin = Origin { version: hit.cas, life: hit.ttl_left.until(&self.clock) };
        let life = Life::of(ttl, &self.clock);
        self.change(key, |_, next| {
            let item =
                Item { origin: Some(origin), ..Item::new(key, unpinned(hit.value), next, life) };
            let op = if self.fits(key, &item) { item.into_op() } else { Op::Remove };
            (op, ())
        });
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
        self.items.entry_by_ref(key).and_compute_with(|found| {
            let found = found.map(|entry| Arc::unwrap_or_clone(entry.into_value()));
            let over = found.as_ref().is_some_and(|item| !self.is_alive(item, self.clock.now()));
            let (op, result) = decide(found.filter(|_| !over), next);
            outcome = Some(result);
            match op {
                Op::Nop if over => Op::Remove,
                Op::Nop => Op::Nop,
                Op::Remove => Op::Remove,
                Op::Put(item) => Op::Put(Arc::new(item)),
            }
        });
        #[expect(
            clippy::expect_used,
            reason = "the closure runs exactly once before the call returns"
        )]
        outcome.expect("the closure ran")
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

    async fn keep(&self, key: &Key, hit: Hit, ttl: Ttl) -> Result<()> {
        self.copy(key, hit, ttl);
        Ok(())
    }

    fn keep_decoded(&self, key: &Key, value: &Value) {
        if !value.has_decoded() {
            return;
        }
        self.change(key, |found, _| match found {
            // Equal bytes decode alike, so it does not matter whether they were rewritten in
            // between.
            Some(item) if item.is_fresh() && item.value == *value => {
                let value = item.value.clone().with_decoded_of(value);
                (Op::Put(Item { value, ..item }), ())
            }
            _ => (Op::Nop, ()),
        });
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

/// Builds a [`MokaBackend`].
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing before `build`"]
pub struct MokaBackendBuilder {
    max_bytes: u64,
    clock: Clock,
}

impl MokaBackendBuilder {
    /// Sets the budget of all items together. Defaults to 64 MiB.
    pub fn max_bytes(mut self, bytes: u64) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// Sets the clock that lives are measured by. Defaults to the system's.
    ///
    /// Under a manual clock an expired item frees its memory when it is next written, or when the
    /// budget is full.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Returns the backend.
    pub fn build(self) -> MokaBackend {
        let Self { max_bytes, clock } = self;
        let items = Cache::builder()
            .max_capacity(max_bytes)
            .weigher(|key, item: &Arc<Item>| weight(key, item))
            .expire_after(Timer(clock.clone()))
            // Seeded at random: keys come from users, who must not be able to choose colliding
            // ones.
            .build_with_hasher(RandomState::default());
        let front = Arc::new(Front::before(max_bytes));
        MokaBackend { items, front, versions: Arc::new(Versions::new()), clock, max_bytes }
    }
}

/// Frees the memory of expired items; whether an item has expired is decided on reading it, by the
/// backend's clock.
struct Timer(Clock);

impl Timer {
    fn after(&self, item: &Item) -> Option<Duration> {
        // The cache's own clock moves while a manual one stands, and must not end an item early.
        if self.0.is_manual() {
            return None;
        }
        match item.life.left(self.0.now()) {
            TtlLeft::Left(left) => Some(left),
            TtlLeft::Never | TtlLeft::Unknown => None,
        }
    }
}

impl Expiry<Key, Arc<Item>> for Timer {
    fn expire_after_create(&self, _: &Key, item: &Arc<Item>, _: Instant) -> Option<Duration> {
        self.after(item)
    }

    fn expire_after_update(
        &self,
        _: &Key,
        item: &Arc<Item>,
        _: Instant,
        _: Option<Duration>,
    ) -> Option<Duration> {
        self.after(item)
    }
}

fn weight(key: &Key, item: &Item) -> u32 {
    let forms = if item.value.has_decoded() { 2 } else { 1 };
    let bytes =
        item.value.len().saturating_mul(forms).saturating_add(key.as_bytes().len() + OVERHEAD);
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

/// Returns the value in a buffer that is not much larger than itself.
///
/// A value that was read from a server is a slice of a read buffer, and kept, it would keep all of
/// that from being freed while the budget counts the slice alone. `Bytes` does not tell how large
/// its buffer is, so whatever may be a part of a chunk is copied. A value with its decoded form was
/// encoded here, into a buffer of its own.
fn unpinned(value: Value) -> Value {
    if value.has_decoded() || value.len() >= READ_CHUNK { value } else { value.into_owned() }
}

fn concat(head: &[u8], tail: &[u8]) -> Bytes {
    let mut data = BytesMut::with_capacity(head.len() + tail.len());
    data.put_slice(head);
    data.put_slice(tail);
    data.freeze()
}

/// Returns the number that the digits say; memcached leaves spaces behind those of a counter that
/// became shorter.
fn digits(data: &[u8]) -> Option<u64> {
    let digits = data.trim_ascii_end();
    if digits.first().is_none_or(|first| !first.is_ascii_digit()) {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}

fn not_a_number(direction: Direction) -> Error {
    Error::client("cannot increment or decrement non-numeric value").during(match direction {
        Direction::Up => "incr",
        Direction::Down => "decr",
    })
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    fn key() -> Key {
        Key::new("k").unwrap()
    }

    fn value(data: &'static str) -> Value {
        Value::new(data, 7)
    }

    fn manual() -> (MokaBackend, Clock) {
        let clock = Clock::manual();
        (MokaBackend::builder().clock(clock.clone()).build(), clock)
    }

    fn put(backend: &MokaBackend, data: &'static str, how: Set) -> Written {
        backend.store(&key(), value(data), how).unwrap()
    }

    #[test]
    fn an_item_lives_exactly_as_long_as_was_said() {
        let (backend, clock) = manual();
        assert!(put(&backend, "v", Set::ttl(Ttl::secs(60))).is_stored());
        clock.advance(Duration::from_secs(59));
        assert_eq!(backend.find(b"k").unwrap().ttl_left, TtlLeft::Left(Duration::from_secs(1)));
        clock.advance(Duration::from_secs(1));
        assert_eq!(backend.find(b"k"), None);
    }

    #[test]
    fn an_expired_item_is_missing_for_every_condition() {
        let (backend, clock) = manual();
        let expire = |data| {
            assert!(put(&backend, data, Set::ttl(Ttl::secs(1))).is_stored());
            let cas = backend.find(b"k").unwrap().cas.unwrap();
            clock.advance(Duration::from_secs(1));
            cas
        };
        let cas = expire("1");
        assert_eq!(put(&backend, "2", Set::default().if_cas(cas)), Written::NotFound);
        for mode in [Mode::Replace, Mode::Append, Mode::Prepend] {
            expire("1");
            assert_eq!(put(&backend, "2", Set::default().mode(mode)), Written::NotStored);
        }
        expire("1");
        assert_eq!(backend.count(&key(), Arithmetic::increment(1)).unwrap(), None);
        expire("1");
        assert_eq!(backend.relive(&key(), Ttl::Never), Touched::NotFound);
        expire("1");
        assert_eq!(backend.remove(&key(), Delete::default()), Deleted::NotFound);
        expire("1");
        assert_eq!(put(&backend, "2", Set::default().mode(Mode::Add)), Written::Stored);
    }

    #[test]
    fn an_expired_item_that_a_write_meets_is_removed() {
        let (backend, clock) = manual();
        assert!(put(&backend, "v", Set::ttl(Ttl::secs(1))).is_stored());
        clock.advance(Duration::from_secs(1));
        assert_eq!(backend.len(), 1);
        assert_eq!(put(&backend, "w", Set::default().mode(Mode::Replace)), Written::NotStored);
        assert_eq!((backend.len(), backend.bytes()), (0, 0));
    }

    #[test]
    fn append_prepend_and_counting_keep_flags_and_life() {
        let (backend, clock) = manual();
        assert!(put(&backend, "5", Set::ttl(Ttl::secs(60))).is_stored());
        clock.advance(Duration::from_secs(20));
        assert!(put(&backend, "0", Set::default().mode(Mode::Append)).is_stored());
        assert!(put(&backend, "1", Set::default().mode(Mode::Prepend)).is_stored());
        assert_eq!(backend.count(&key(), Arithmetic::decrement(50)).unwrap(), Some(100));
        let hit = backend.find(b"k").unwrap();
        assert_eq!(hit.value, value("100"));
        assert_eq!(hit.ttl_left, TtlLeft::Left(Duration::from_secs(40)));
    }

    #[test]
    fn only_decimal_digits_that_fit_64_bits_count() {
        for (text, number) in [
            ("0", Some(0)),
            ("007", Some(7)),
            ("9  ", Some(9)),
            ("18446744073709551615", Some(u64::MAX)),
            ("18446744073709551616", None),
            ("", None),
            (" 1", None),
            ("+1", None),
            ("-1", None),
            ("1x", None),
        ] {
            assert_eq!(digits(text.as_bytes()), number, "{text:?}");
        }
    }

    #[test]
    fn the_budget_holds() {
        const BUDGET: u64 = 64 * 1024;
        let backend = MokaBackend::builder().max_bytes(BUDGET).build();
        for n in 0..2_000 {
            let key = Key::new(n.to_string()).unwrap();
            assert!(
                backend
                    .store(&key, Value::new(vec![0; 1024], 0), Set::default())
                    .unwrap()
                    .is_stored()
            );
        }
        assert!(backend.bytes() <= BUDGET);
        assert!(backend.len() > 10);
    }

    #[test]
    fn a_value_beyond_the_budget_is_refused_and_only_a_set_loses_what_was_there() {
        let backend = MokaBackend::builder().max_bytes(2_000).build();
        let large = || Value::new(vec![0; 2_000], 0);
        assert!(put(&backend, "v", Set::default()).is_stored());
        let error = backend.store(&key(), large(), Set::default().mode(Mode::Append)).unwrap_err();
        assert!(error.is_too_large());
        assert_eq!(backend.find(b"k").unwrap().value, value("v"));
        let error = backend.store(&key(), large(), Set::default()).unwrap_err();
        assert_eq!(error.delivery(), Delivery::Refused);
        assert_eq!(backend.find(b"k"), None);
    }

    #[test]
    fn a_kept_slice_does_not_pin_its_buffer() {
        let backend = MokaBackend::new();
        let buffer = Bytes::from(vec![7; READ_CHUNK]);
        let slice = Value::new(buffer.slice(10..20), 0);
        assert!(backend.store(&key(), slice, Set::default()).unwrap().is_stored());
        assert!(buffer.is_unique());
    }

    #[test]
    fn a_decoded_form_is_put_back_without_a_new_version_or_life() {
        let (backend, clock) = manual();
        assert!(put(&backend, "5", Set::ttl(Ttl::secs(60))).is_stored());
        let before = backend.find(b"k").unwrap();
        clock.advance(Duration::from_secs(10));
        backend.keep_decoded(&key(), &value("5").with_decoded(5_u32));
        let after = backend.find(b"k").unwrap();
        assert_eq!(after.value.decoded::<u32>(), Some(&5));
        assert_eq!(after.cas, before.cas);
        assert_eq!(after.ttl_left, TtlLeft::Left(Duration::from_secs(50)));
    }

    #[test]
    fn a_decoded_form_of_other_bytes_or_flags_is_not_put_back() {
        let backend = MokaBackend::new();
        backend.keep_decoded(&key(), &value("5").with_decoded(5_u32));
        assert_eq!(backend.find(b"k"), None);
        assert!(put(&backend, "6", Set::default()).is_stored());
        backend.keep_decoded(&key(), &value("5").with_decoded(5_u32));
        backend.keep_decoded(&key(), &value("6").with_flags(8).with_decoded(6_u32));
        assert!(!backend.find(b"k").unwrap().value.has_decoded());
    }

    #[test]
    fn a_write_drops_the_decoded_form_of_what_it_changes() {
        let backend = MokaBackend::new();
        let counter = Value::new("5", 0).with_decoded(5_u32);
        assert!(backend.store(&key(), counter, Set::default()).unwrap().is_stored());
        assert_eq!(backend.count(&key(), Arithmetic::increment(1)).unwrap(), Some(6));
        assert!(!backend.find(b"k").unwrap().value.has_decoded());
    }

    #[test]
    fn a_copy_answers_with_the_version_and_the_life_of_its_origin() {
        let (backend, clock) = manual();
        let origin = Hit::new(value("v"))
            .with_cas(CasToken::new(u64::MAX))
            .with_ttl_left(TtlLeft::Left(Duration::from_secs(600)));
        backend.copy(&key(), origin, Ttl::secs(30));
        clock.advance(Duration::from_secs(29));
        let hit = backend.find(b"k").unwrap();
        assert_eq!(hit.cas, Some(CasToken::new(u64::MAX)));
        assert_eq!(hit.ttl_left, TtlLeft::Left(Duration::from_secs(571)));
        clock.advance(Duration::from_secs(1));
        assert_eq!(backend.find(b"k"), None);
    }

    #[test]
    fn a_copy_that_does_not_fit_leaves_nothing() {
        let backend = MokaBackend::builder().max_bytes(2_000).build();
        assert!(put(&backend, "v", Set::default()).is_stored());
        backend.copy(&key(), Hit::new(Value::new(vec![0; 2_000], 0)), Ttl::Never);
        assert_eq!(backend.find(b"k"), None);
    }

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

    #[test]
    fn an_item_that_was_read_before_ends_with_its_life() {
        let (backend, clock) = manual();
        assert!(put(&backend, "v", Set::ttl(Ttl::secs(60))).is_stored());
        clock.advance(Duration::from_secs(59));
        for _ in 0..3 {
            assert!(backend.find(b"k").is_some());
        }
        clock.advance(Duration::from_secs(1));
        assert_eq!(backend.find(b"k"), None);
    }

    #[test]
    fn every_change_of_an_item_that_was_read_before_is_seen_at_once() {
        let backend = MokaBackend::new();
        let read = |backend: &MokaBackend| {
            for _ in 0..3 {
                backend.find(b"k");
            }
            backend.find(b"k").map(|hit| hit.value)
        };
        assert!(put(&backend, "1", Set::default()).is_stored());
        assert_eq!(read(&backend), Some(value("1")));
        assert!(put(&backend, "2", Set::default()).is_stored());
        assert_eq!(read(&backend), Some(value("2")));
        assert_eq!(backend.count(&key(), Arithmetic::increment(1)).unwrap(), Some(3));
        assert_eq!(read(&backend), Some(value("3")));
        backend.relive(&key(), Ttl::secs(0));
        assert_eq!(read(&backend), None);
        backend.copy(&key(), Hit::new(value("4")), Ttl::Never);
        assert_eq!(read(&backend), Some(value("4")));
        assert!(backend.remove(&key(), Delete::default()).is_deleted());
        assert_eq!(read(&backend), None);
        assert!(put(&backend, "5", Set::default()).is_stored());
        assert_eq!(read(&backend), Some(value("5")));
        backend.clear();
        assert_eq!(read(&backend), None);
    }

    #[test]
    fn a_change_in_another_thread_is_seen_as_soon_as_it_was_answered() {
        const CHANGES: u64 = 20_000;
        let backend = MokaBackend::new();
        // Even changes store their number, odd ones delete it again.
        let answered = AtomicU64::new(0);
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    let mut last = 0;
                    while last < CHANGES {
                        last = answered.load(Ordering::SeqCst);
                        if let Some(hit) = backend.find(b"k") {
                            let number = digits(hit.value.data()).unwrap();
                            assert!(number >= last, "{number} was found after {last}");
                        }
                    }
                });
            }
            for number in 1..=CHANGES {
                if number % 2 == 1 {
                    backend.remove(&key(), Delete::default());
                } else {
                    let value = Value::new(number.to_string(), 0);
                    assert!(backend.store(&key(), value, Set::default()).unwrap().is_stored());
                }
                answered.store(number, Ordering::SeqCst);
            }
        });
    }

    #[test]
    fn only_the_clock_that_lives_are_measured_by_ends_them() {
        let ends = |clock: Clock| {
            let life = Life::of(Ttl::secs(60), &clock);
            Timer(clock).after(&Item::new(&key(), value("v"), CasToken::new(1), life)).is_some()
        };
        assert!(ends(Clock::system()));
        assert!(!ends(Clock::manual()));
    }

    #[test]
    fn lives_beyond_the_clocks_are_endless() {
        let backend = MokaBackend::new();
        for ttl in [
            Ttl::After(Duration::MAX),
            Ttl::secs(u64::MAX / 4),
            Ttl::secs(60 * 60 * 24 * 365 * 600),
        ] {
            assert!(put(&backend, "v", Set::ttl(ttl)).is_stored());
            assert_eq!(backend.len(), 1);
            assert!(backend.find(b"k").is_some(), "{ttl:?}");
        }
    }
}
