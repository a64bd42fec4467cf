//! Reading, by way of the front.

use std::{sync::Arc, time::Instant};

use super::{MokaBackend, item::Item};
use crate::{
    backend::{
        front::Seen,
        op::{Hit, Read, TtlLeft},
    },
    wire::CasToken,
};

impl MokaBackend {
    /// Reads without asking for a lease.
    pub(super) fn read(&self, key: &[u8]) -> Read {
        let now = self.clock.now();
        self.item(key, now).map_or(Read::Miss, |item| item.read(false, now))
    }

    /// Returns the item, if there is a good one.
    pub(super) fn find(&self, key: &[u8]) -> Option<Hit> {
        let now = self.clock.now();
        self.item(key, now).filter(|item| item.is_fresh()).map(|item| item.answer(now))
    }

    /// Says how long the item lives on, if it is good and of this version.
    pub(super) fn confirm(&self, key: &[u8], version: CasToken) -> Option<TtlLeft> {
        let hit = self.find(key)?;
        (hit.cas == Some(version)).then_some(hit.ttl_left)
    }

    /// Returns what is there, whatever its state. The front knows good items alone.
    pub(super) fn item(&self, key: &[u8], now: Instant) -> Option<Arc<Item>> {
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
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::{AtomicU64, Ordering},
        time::Duration,
    };

    use super::*;
    use crate::{
        backend::{
            moka::{
                count::digits,
                testing::{key, manual, put, value},
            },
            op::{Arithmetic, Delete, Keep, Set, TtlLeft},
        },
        wire::{Ttl, Value},
    };

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
        backend.copy(&key(), Hit::new(value("4")), Keep::ttl(Ttl::Never));
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
