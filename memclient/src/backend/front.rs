//! What stands before an in-process store: the items that were read last, found without asking it.

use std::{
    fmt,
    hash::BuildHasher,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use crate::chance::{Placing, placing};

/// One slot stands before so many bytes of the store's budget, which makes the front less than a
/// hundredth of it.
const BYTES_PER_SLOT: u64 = 8 * 1024;

const MAX_SLOTS: u64 = 8 * 1024;

/// A slot with so many items fills the cache line that it costs to look at it.
const ITEMS: usize = 3;

/// Of so many hits of a slot one goes on to the store, which forgets first what it is seldom asked
/// for.
const STORE_SEES: u8 = 32;

/// How often a reader looks whether a slot in use has become free, before it asks the store.
const PATIENCE: usize = 32;

/// Slots of a few items each, chosen by the hash of the key.
///
/// The store holds the items and a slot only knows them: what the store drops is gone from here
/// too, and counts towards no budget. Whoever changes an item first empties its slot, and nothing
/// is put there until the change has ended. Whoever puts an item there has a [`Ticket`] from before
/// the store was asked, which is void once a change has begun. So what a slot knows was in the
/// store, and was changed by nobody since.
pub(super) struct Front<T> {
    slots: Box<[Mutex<Slot<T>>]>,
    hasher: Placing,
}

struct Slot<T> {
    hashes: [u64; ITEMS],
    items: [Weak<T>; ITEMS],
    generation: u32,
    changes: u16,
    hits: u8,
    /// Which item goes next.
    next: u8,
}

/// What a slot came to.
pub(super) enum Seen<'a, T> {
    /// The item of a key with the same hash.
    Item(Arc<T>),
    /// The store has to be asked; its answer may be kept, unless the slot is in use.
    Ask(Option<Ticket<'a, T>>),
}

/// The right to keep what the store answers, as long as nothing changes meanwhile.
pub(super) struct Ticket<'a, T> {
    slot: &'a Mutex<Slot<T>>,
    hash: u64,
    generation: u32,
}

/// A change of an item under way; ends with its drop.
#[must_use = "the change ends when this is dropped"]
pub(super) struct Change<'a, T>(&'a Mutex<Slot<T>>);

impl<T> Front<T> {
    /// Returns an empty front for a store of this budget.
    pub(super) fn before(max_bytes: u64) -> Self {
        let slots = (max_bytes / BYTES_PER_SLOT).clamp(1, MAX_SLOTS).next_power_of_two();
        Self { slots: (0..slots).map(|_| Mutex::new(Slot::empty())).collect(), hasher: placing() }
    }

    /// Looks for the item of a key.
    pub(super) fn find(&self, key: &[u8]) -> Seen<'_, T> {
        let (hash, slot) = self.slot(key);
        let Some(mut known) = lock_soon(slot) else {
            return Seen::Ask(None);
        };
        if let Some(place) = known.place(hash) {
            known.hits = known.hits.wrapping_add(1) % STORE_SEES;
            if known.hits > 0
                && let Some(item) = known.items[place].upgrade()
            {
                return Seen::Item(item);
            }
        }
        let generation = known.generation;
        Seen::Ask((known.changes == 0).then_some(Ticket { slot, hash, generation }))
    }

    /// Begins a change of the key's item.
    pub(super) fn change(&self, key: &[u8]) -> Change<'_, T> {
        let (_, slot) = self.slot(key);
        let mut known = lock(slot);
        known.changes += 1;
        known.forget();
        Change(slot)
    }

    #[expect(clippy::cast_possible_truncation, reason = "the low bits are what is asked for")]
    fn slot(&self, key: &[u8]) -> (u64, &Mutex<Slot<T>>) {
        let hash = self.hasher.hash_one(key);
        (hash, &self.slots[hash as usize & (self.slots.len() - 1)])
    }
}

impl<T> fmt::Debug for Front<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Front").field("slots", &self.slots.len()).finish_non_exhaustive()
    }
}

impl<T> Ticket<'_, T> {
    /// Keeps what the store answered.
    pub(super) fn keep(self, item: &Arc<T>) {
        if let Some(mut known) = lock_soon(self.slot)
            && known.generation == self.generation
        {
            let place = known.place(self.hash).unwrap_or_else(|| known.turn());
            known.hashes[place] = self.hash;
            known.items[place] = Arc::downgrade(item);
        }
    }
}

impl<T> Drop for Change<'_, T> {
    fn drop(&mut self) {
        let mut known = lock(self.0);
        known.changes -= 1;
        known.forget();
    }
}

impl<T> Slot<T> {
    const fn empty() -> Self {
        Self {
            hashes: [0; ITEMS],
            items: [const { Weak::new() }; ITEMS],
            generation: 0,
            changes: 0,
            hits: 0,
            next: 0,
        }
    }

    fn place(&self, hash: u64) -> Option<usize> {
        self.hashes.iter().position(|known| *known == hash)
    }

    /// Returns the place of a new item: each in its turn.
    fn turn(&mut self) -> usize {
        self.next = self.next.wrapping_add(1);
        usize::from(self.next) % ITEMS
    }

    /// Voids the tickets and forgets the items. Those of other keys come back when they are next
    /// asked for.
    fn forget(&mut self) {
        self.generation = self.generation.wrapping_add(1);
        self.items = [const { Weak::new() }; ITEMS];
    }
}

/// Nothing panics with a slot locked, and its parts stand each for itself.
fn lock<T>(slot: &Mutex<Slot<T>>) -> MutexGuard<'_, Slot<T>> {
    slot.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Locks a slot that is free, or becomes so at once.
fn lock_soon<T>(slot: &Mutex<Slot<T>>) -> Option<MutexGuard<'_, Slot<T>>> {
    for _ in 0..PATIENCE {
        if let Ok(known) = slot.try_lock() {
            return Some(known);
        }
        std::hint::spin_loop();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ticket(front: &Front<u32>) -> Option<Ticket<'_, u32>> {
        match front.find(b"k") {
            Seen::Item(_) => panic!("there is an item"),
            Seen::Ask(ticket) => ticket,
        }
    }

    fn found(front: &Front<u32>) -> Option<u32> {
        match front.find(b"k") {
            Seen::Item(item) => Some(*item),
            Seen::Ask(_) => None,
        }
    }

    #[test]
    fn what_the_store_answered_is_found_until_the_store_drops_it() {
        let front = Front::before(0);
        let item = Arc::new(7);
        ticket(&front).unwrap().keep(&item);
        assert_eq!(found(&front), Some(7));
        drop(item);
        assert_eq!(found(&front), None);
    }

    #[test]
    fn a_change_forgets_the_item_from_its_beginning() {
        let front = Front::before(0);
        let item = Arc::new(7);
        ticket(&front).unwrap().keep(&item);
        let change = front.change(b"k");
        assert_eq!(found(&front), None);
        drop(change);
        assert_eq!(found(&front), None);
    }

    #[test]
    fn what_was_asked_before_or_during_a_change_is_not_kept() {
        let front = Front::before(0);
        let item = Arc::new(7);
        let before = ticket(&front).unwrap();
        let (first, second) = (front.change(b"k"), front.change(b"k"));
        before.keep(&item);
        drop(first);
        assert!(ticket(&front).is_none(), "the second change is under way");
        drop(second);
        assert_eq!(found(&front), None);
        ticket(&front).unwrap().keep(&item);
        assert_eq!(found(&front), Some(7));
    }

    #[test]
    fn a_slot_fills_one_cache_line() {
        assert_eq!(size_of::<Mutex<Slot<u32>>>(), 64);
    }

    #[test]
    fn a_slot_knows_several_items() {
        let front = Front::before(0);
        let items: Vec<_> = (0..ITEMS).map(Arc::new).collect();
        for item in &items {
            if let Seen::Ask(Some(ticket)) = front.find(&item.to_be_bytes()) {
                ticket.keep(item);
            }
        }
        for item in &items {
            let seen = front.find(&item.to_be_bytes());
            assert!(matches!(seen, Seen::Item(found) if found == *item));
        }
    }

    #[test]
    fn the_store_sees_some_of_the_hits() {
        let front = Front::before(0);
        let item = Arc::new(7);
        ticket(&front).unwrap().keep(&item);
        let seen = (0..10 * usize::from(STORE_SEES)).filter(|_| found(&front).is_none()).count();
        assert_eq!(seen, 10);
    }
}
