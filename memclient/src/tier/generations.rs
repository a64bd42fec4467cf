//! What decides whether an answer of the far tier may still be kept near. Nothing else does.

use std::{
    fmt,
    hash::BuildHasher,
    sync::atomic::{AtomicU64, Ordering},
};

use tokio::sync::{Mutex, MutexGuard};

use crate::{
    chance::{Placing, placing},
    wire::Key,
};

/// Keys share stripes by their hash. A write under way keeps the other keys of its stripe from being
/// filled, which costs them a far read; so there are very many more stripes than writes under way,
/// for a mebibyte in all.
const STRIPES: usize = 16 * 1024;

/// Per stripe of keys: how many writes are under way, and a number that every write changes when it
/// begins and when it ends.
///
/// Whoever wants to fill the near tier takes a [`Sighting`] before asking the far tier. The fill is
/// admitted only if since then no write has begun or ended, and none is under way; it happens under
/// the stripe's lock, which a beginning write takes to remove the near copy. So from the beginning
/// of a write to its end there is no near copy, and after it none that is older. A write whose
/// future is dropped ends like any other: there is nothing near to clean up.
pub(super) struct Generations {
    stripes: Box<[Stripe]>,
    hasher: Placing,
}

/// Alone on its cache line, so that writes of one stripe do not slow reads of its neighbours.
#[derive(Default)]
#[repr(align(64))]
struct Stripe {
    generation: AtomicU64,
    writes: AtomicU64,
    near: Mutex<()>,
}

impl Generations {
    pub(super) fn new() -> Self {
        Self { stripes: (0..STRIPES).map(|_| Stripe::default()).collect(), hasher: placing() }
    }

    /// Notes what the stripe is at before the far tier is asked.
    pub(super) fn sight(&self, key: &Key) -> Sighting<'_> {
        let stripe = self.stripe(key);
        Sighting { stripe, generation: stripe.generation.load(Ordering::SeqCst) }
    }

    /// Begins a write of the key.
    pub(super) fn write(&self, key: &Key) -> Write<'_> {
        Write::begin(self.stripe(key))
    }

    /// Begins a write of all the keys. Keys of one stripe are one write, so that they do not keep
    /// each other out.
    pub(super) fn write_all<'k>(&self, keys: impl Iterator<Item = &'k Key>) -> Writes<'_> {
        let mut indices: Vec<usize> = keys.map(|key| self.index(key)).collect();
        indices.sort_unstable();
        indices.dedup();
        let begun =
            indices.into_iter().map(|index| (index, Write::begin(&self.stripes[index]))).collect();
        Writes { generations: self, begun }
    }

    fn stripe(&self, key: &Key) -> &Stripe {
        &self.stripes[self.index(key)]
    }

    #[expect(clippy::cast_possible_truncation, reason = "the low bits are what is asked for")]
    fn index(&self, key: &Key) -> usize {
        self.hasher.hash_one(key.as_bytes()) as usize % STRIPES
    }
}

impl fmt::Debug for Generations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Generations").field("stripes", &self.stripes.len()).finish_non_exhaustive()
    }
}

/// What a stripe was at when the far tier was asked.
pub(super) struct Sighting<'a> {
    stripe: &'a Stripe,
    generation: u64,
}

impl<'a> Sighting<'a> {
    /// Returns the permission to fill, if the far tier's answer is certainly no older than the last
    /// finished write.
    pub(super) async fn admit(&self) -> Option<Admission<'a>> {
        self.stripe.admit(self.generation, 0).await
    }
}

/// A write under way; its end is its drop.
pub(super) struct Write<'a> {
    stripe: &'a Stripe,
    generation: u64,
}

impl<'a> Write<'a> {
    fn begin(stripe: &'a Stripe) -> Self {
        stripe.writes.fetch_add(1, Ordering::SeqCst);
        let generation = stripe.generation.fetch_add(1, Ordering::SeqCst) + 1;
        Self { stripe, generation }
    }

    /// Waits for a fill under way. While the result lives, no other begins.
    pub(super) async fn exclude_fills(&self) -> Admission<'a> {
        Admission { _near: self.stripe.near.lock().await }
    }

    /// Returns the permission to fill with what was written, if no other write overlaps this one.
    pub(super) async fn admit(&self) -> Option<Admission<'a>> {
        self.stripe.admit(self.generation, 1).await
    }
}

impl Drop for Write<'_> {
    fn drop(&mut self) {
        // In this order: whoever sees no write under way sees the new generation too.
        self.stripe.generation.fetch_add(1, Ordering::SeqCst);
        self.stripe.writes.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Writes of many keys under way.
pub(super) struct Writes<'a> {
    generations: &'a Generations,
    begun: Vec<(usize, Write<'a>)>,
}

impl<'a> Writes<'a> {
    /// Returns the write that the key belongs to, if it is one of these.
    pub(super) fn of(&self, key: &Key) -> Option<&Write<'a>> {
        let index = self.generations.index(key);
        let place = self.begun.binary_search_by_key(&index, |(index, _)| *index).ok()?;
        self.begun.get(place).map(|(_, write)| write)
    }
}

impl Stripe {
    async fn admit(&self, generation: u64, own_writes: u64) -> Option<Admission<'_>> {
        let near = self.near.lock().await;
        let quiet = self.writes.load(Ordering::SeqCst) == own_writes;
        let unmoved = self.generation.load(Ordering::SeqCst) == generation;
        (quiet && unmoved).then_some(Admission { _near: near })
    }
}

/// The right to change the near copies of a stripe's keys, until it is dropped.
#[must_use = "the fill is admitted only as long as this lives"]
pub(super) struct Admission<'a> {
    _near: MutexGuard<'a, ()>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> Key {
        Key::new("k").unwrap()
    }

    #[tokio::test]
    async fn a_fill_is_admitted_when_nothing_was_written() {
        let generations = Generations::new();
        assert!(generations.sight(&key()).admit().await.is_some());
    }

    #[tokio::test]
    async fn a_fill_sighted_before_during_or_across_a_write_is_refused() {
        let generations = Generations::new();
        let before = generations.sight(&key());
        let write = generations.write(&key());
        let during = generations.sight(&key());
        assert!(before.admit().await.is_none());
        assert!(during.admit().await.is_none());
        drop(write);
        assert!(before.admit().await.is_none());
        assert!(during.admit().await.is_none());
        assert!(generations.sight(&key()).admit().await.is_some());
    }

    #[tokio::test]
    async fn of_two_overlapping_writes_neither_fills() {
        let generations = Generations::new();
        let first = generations.write(&key());
        let second = generations.write(&key());
        assert!(second.admit().await.is_none());
        drop(first);
        assert!(second.admit().await.is_none());
        drop(second);
        assert!(generations.write(&key()).admit().await.is_some());
    }

    #[tokio::test]
    async fn a_write_of_many_keys_fills_every_one_of_them() {
        let generations = Generations::new();
        let keys: Vec<Key> = (0..3 * STRIPES).map(|n| Key::new(n.to_string()).unwrap()).collect();
        let writes = generations.write_all(keys.iter());
        for key in &keys {
            assert!(writes.of(key).unwrap().admit().await.is_some());
            assert!(generations.sight(key).admit().await.is_none());
        }
    }
}
