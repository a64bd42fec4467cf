//! Who may load or refresh an item.

use std::time::Duration;

use moka::ops::compute::Op;

use super::{
    MokaBackend,
    item::{Item, Life, State},
};
use crate::{
    backend::{
        lease::{Lease, LeaseTerms, Released},
        op::Read,
    },
    wire::{Key, Ttl},
};

impl MokaBackend {
    /// Reads, and takes the lease where it is to be had.
    pub(super) fn read_leased(&self, key: &Key, terms: LeaseTerms) -> Read {
        let now = self.clock.now();
        // Much cheaper than a decision, and the common case.
        if let Some(item) = self.item(key.as_bytes(), now)
            && !item.offers_lease(terms.recache, now)
        {
            return item.read(true, now);
        }
        let vivify = Ttl::After(terms.vivify.max(Duration::from_secs(1)));
        self.change(key, |found, next| match found {
            Some(item) if item.offers_lease(terms.recache, now) => {
                let read = item.read_by_holder(now);
                (Item { leased: true, ..item }.into_op(), read)
            }
            Some(item) => (Op::Nop, item.read(true, now)),
            None => {
                let stub = Item::stub(key, next, Life::of(vivify, &self.clock));
                if !self.fits(key, &stub) {
                    return (Op::Nop, Read::Miss);
                }
                let read = stub.read_by_holder(now);
                (stub.into_op(), read)
            }
        })
    }

    /// Ends a lease, so that the next reader who asks gets it.
    pub(super) fn give_back(&self, key: &Key, lease: Lease) -> Released {
        self.change(key, |found, next| match found {
            Some(item) if item.version == lease.cas() => {
                let life = item.life;
                let op = match item.state {
                    State::Stub => Op::Remove,
                    State::Fresh | State::Stale => item.into_stale(next, life).into_op(),
                };
                (op, Released::Released)
            }
            _ => (Op::Nop, Released::Lost),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{
        backend::{
            CacheBackend, MokaBackend,
            front::Seen,
            op::{Arithmetic, Delete, Get, Hit, Keep, Mode, Set, Written},
        },
        clock::Clock,
        wire::{Deleted, Touched, Value},
    };

    const TERMS: LeaseTerms = LeaseTerms::new(Duration::from_secs(10));

    fn key() -> Key {
        Key::new("k").unwrap()
    }

    fn manual() -> (MokaBackend, Clock) {
        let clock = Clock::manual();
        (MokaBackend::builder().clock(clock.clone()).build(), clock)
    }

    fn put(backend: &MokaBackend, how: Set) -> Written {
        backend.store(&key(), Value::new("v", 7), how).unwrap()
    }

    #[track_caller]
    fn win(backend: &MokaBackend, terms: LeaseTerms) -> Lease {
        let read = backend.read_leased(&key(), terms);
        read.won().unwrap_or_else(|| panic!("the lease is not to be had: {read:?}"))
    }

    #[test]
    fn a_stub_lives_exactly_as_long_as_was_said() {
        let (backend, clock) = manual();
        let first = win(&backend, TERMS);
        clock.advance(Duration::from_millis(9_999));
        assert_eq!(backend.read_leased(&key(), TERMS), Read::Held);
        clock.advance(Duration::from_millis(1));
        assert_eq!(put(&backend, Set::default().if_cas(first)), Written::NotFound);
        let second = win(&backend, TERMS);
        assert_eq!(put(&backend, Set::default().if_cas(first)), Written::Exists);
        assert_eq!(put(&backend, Set::default().if_cas(second)), Written::Stored);
    }

    #[test]
    fn a_stub_lives_at_least_a_second() {
        let (backend, clock) = manual();
        win(&backend, LeaseTerms::new(Duration::ZERO));
        clock.advance(Duration::from_millis(999));
        assert_eq!(backend.read_leased(&key(), TERMS), Read::Held);
        clock.advance(Duration::from_millis(1));
        win(&backend, TERMS);
    }

    #[test]
    fn a_stub_is_nothing_to_all_but_the_writes() {
        let backend = MokaBackend::new();
        let lease = win(&backend, TERMS);
        assert!(lease.is_of_stub());
        assert_eq!(backend.read(b"k"), Read::Miss);
        assert_eq!(backend.local(b"k"), None);
        backend.keep_decoded(&key(), &Value::new("", 0).with_decoded(5_u32));
        assert_eq!(put(&backend, Set::default().mode(Mode::Add)), Written::NotStored);
        assert!(backend.count(&key(), Arithmetic::increment(1)).is_err());
        assert_eq!(put(&backend, Set::default().if_cas(lease)), Written::Stored);
        assert!(!backend.find(b"k").unwrap().value.has_decoded());
    }

    #[test]
    fn an_item_near_its_end_is_given_to_one_to_refresh() {
        let (backend, clock) = manual();
        let terms = TERMS.recache(Duration::from_secs(20));
        assert!(put(&backend, Set::ttl(Ttl::secs(60))).is_stored());
        clock.advance(Duration::from_secs(40));
        assert!(matches!(backend.read_leased(&key(), terms), Read::Hit(_)));
        clock.advance(Duration::from_millis(1));
        assert!(matches!(backend.read_leased(&key(), TERMS), Read::Hit(_)));
        let lease = win(&backend, terms);
        assert!(!lease.is_of_stub());
        assert!(matches!(backend.read_leased(&key(), terms), Read::Hit(_)));
        assert_eq!(put(&backend, Set::ttl(Ttl::secs(60)).if_cas(lease)), Written::Stored);
    }

    #[test]
    fn an_endless_item_is_never_to_be_refreshed() {
        let backend = MokaBackend::new();
        assert!(put(&backend, Set::default()).is_stored());
        let terms = TERMS.recache(Duration::MAX);
        assert!(matches!(backend.read_leased(&key(), terms), Read::Hit(_)));
    }

    #[test]
    fn a_stale_item_ends_with_its_grace() {
        let (backend, clock) = manual();
        assert!(put(&backend, Set::default()).is_stored());
        let stale = Delete::stale_for(Duration::from_secs(5));
        assert_eq!(backend.remove(&key(), stale), Deleted::Deleted);
        assert_eq!(backend.local(b"k"), None);
        clock.advance(Duration::from_millis(4_999));
        assert!(matches!(backend.read(b"k"), Read::Stale(_)));
        clock.advance(Duration::from_millis(1));
        assert_eq!(backend.read(b"k"), Read::Miss);
        assert!(win(&backend, TERMS).is_of_stub());
    }

    #[test]
    fn a_grace_of_nothing_deletes() {
        let backend = MokaBackend::new();
        assert!(put(&backend, Set::default()).is_stored());
        let stale = Delete::stale_for(Duration::ZERO);
        assert_eq!(backend.remove(&key(), stale), Deleted::Deleted);
        assert_eq!((backend.read(b"k"), backend.len()), (Read::Miss, 0));
    }

    #[test]
    fn clearing_ends_leases() {
        let backend = MokaBackend::new();
        let lease = win(&backend, TERMS);
        backend.clear();
        assert_eq!(backend.give_back(&key(), lease), Released::Lost);
        assert_eq!(put(&backend, Set::default().if_cas(lease)), Written::NotFound);
        win(&backend, TERMS);
    }

    #[test]
    fn where_not_even_a_stub_fits_there_are_no_leases() {
        let backend = MokaBackend::builder().max_bytes(10).build();
        assert_eq!(backend.read_leased(&key(), TERMS), Read::Miss);
    }

    /// Reads the item until a read asks nothing but the front.
    #[track_caller]
    fn warm(backend: &MokaBackend) {
        assert!((0..3).all(|_| backend.local(b"k").is_some()));
        assert!(front(backend).is_some(), "the front does not know the item");
    }

    fn front(backend: &MokaBackend) -> Option<Arc<Item>> {
        match backend.front.find(b"k") {
            Seen::Item(item) => Some(item),
            Seen::Ask(_) => None,
        }
    }

    #[track_caller]
    fn assert_not_good(backend: &MokaBackend) {
        for _ in 0..3 {
            assert_eq!(backend.local(b"k"), None);
            assert!(!backend.look_local(b"k", &mut |_| ()));
            assert!(!matches!(backend.read(b"k"), Read::Hit(_)));
            assert!(front(backend).is_none(), "the front knows what is no good item");
        }
    }

    #[test]
    fn an_item_that_was_just_read_is_not_good_once_it_is_stale() {
        let backend = MokaBackend::new();
        assert!(put(&backend, Set::default()).is_stored());
        warm(&backend);
        let stale = Delete::stale_for(Duration::from_secs(5));
        assert_eq!(backend.remove(&key(), stale), Deleted::Deleted);
        assert_not_good(&backend);
        assert!(matches!(backend.read(b"k"), Read::Stale(_)));
        let lease = win(&backend, TERMS);
        assert_not_good(&backend);
        assert_eq!(put(&backend, Set::default().if_cas(lease)), Written::Stored);
        warm(&backend);
    }

    #[test]
    fn the_lease_of_an_item_that_was_just_read_is_had_once_and_its_release_makes_it_stale() {
        let (backend, clock) = manual();
        let terms = TERMS.recache(Duration::from_secs(20));
        assert!(put(&backend, Set::ttl(Ttl::secs(60))).is_stored());
        clock.advance(Duration::from_secs(50));
        warm(&backend);
        let lease = win(&backend, terms);
        warm(&backend);
        assert!(front(&backend).is_some_and(|item| item.leased));
        assert!(matches!(backend.read_leased(&key(), terms), Read::Hit(_)));
        assert_eq!(backend.give_back(&key(), lease), Released::Released);
        assert_not_good(&backend);
        assert!(matches!(backend.read(b"k"), Read::Stale(_)));
    }

    #[test]
    fn an_item_that_was_just_read_ends_with_its_life_and_with_all_others() {
        let (backend, clock) = manual();
        assert!(put(&backend, Set::ttl(Ttl::secs(60))).is_stored());
        warm(&backend);
        clock.advance(Duration::from_secs(60));
        let gone = || {
            assert_eq!((backend.local(b"k"), backend.read(b"k")), (None, Read::Miss));
            assert!(!backend.look_local(b"k", &mut |_| ()));
        };
        gone();
        assert!(put(&backend, Set::default()).is_stored());
        warm(&backend);
        backend.clear();
        gone();
        assert!(win(&backend, TERMS).is_of_stub());
        assert_not_good(&backend);
    }

    #[test]
    fn whatever_else_changes_an_item_that_was_just_read_is_seen() {
        let backend = MokaBackend::new();
        let found = || backend.local(b"k").map(|hit| (hit.value, hit.ttl_left));
        let changed = |change: &dyn Fn()| {
            assert!(put(&backend, Set::default()).is_stored());
            warm(&backend);
            let before = found();
            change();
            assert_ne!(found(), before);
        };
        changed(&|| assert_eq!(backend.relive(&key(), Ttl::secs(60)), Touched::Touched));
        changed(&|| assert!(put(&backend, Set::default().mode(Mode::Append)).is_stored()));
        changed(&|| assert_eq!(backend.remove(&key(), Delete::default()), Deleted::Deleted));
        changed(&|| backend.copy(&key(), Hit::new(Value::new("copy", 7)), Keep::ttl(Ttl::Never)));
    }

    #[test]
    fn an_item_that_is_not_good_is_not_answered_even_if_the_front_knows_it() {
        let backend = MokaBackend::new();
        assert!(put(&backend, Set::default()).is_stored());
        let Seen::Ask(Some(ticket)) = backend.front.find(b"k") else {
            panic!("the front is not empty");
        };
        let item = backend.items.get(&key()).unwrap();
        let stale = Arc::new(Item::clone(&item).into_stale(item.version, item.life));
        ticket.keep(&stale);
        assert!(front(&backend).is_some_and(|item| !item.is_fresh()));
        assert!(backend.local(b"k").is_some(), "the store has a good one");
    }

    #[tokio::test]
    async fn a_copy_over_a_stub_is_an_item() {
        let backend = MokaBackend::new();
        let lease = win(&backend, TERMS);
        let hit = Hit::new(Value::new("v", 7));
        backend.keep(&key(), hit, Keep::ttl(Ttl::Never)).await.unwrap();
        assert!(matches!(backend.get(&key(), Get::lease(TERMS)).await.unwrap(), Read::Hit(_)));
        assert_eq!(put(&backend, Set::default().if_cas(lease)), Written::Exists);
    }
}
