//! Copies of another backend's items, and decoded forms.

use moka::ops::compute::Op;

use super::{
    MokaBackend,
    item::{Item, Life, Origin},
    weight::unpinned,
};
use crate::{
    backend::op::{Hit, Keep},
    wire::{Key, Value},
};

impl MokaBackend {
    pub(super) fn copy(&self, key: &Key, hit: Hit, how: Keep) {
        let origin = Origin { version: hit.cas, life: hit.ttl_left.until(&self.clock) };
        let life = Life::of(how.ttl, &self.clock);
        let kept = origin.life.filter(|_| how.lapses);
        self.change(key, |_, next| {
            let item = Item {
                origin: Some(origin),
                kept,
                ..Item::new(key, unpinned(hit.value), next, life)
            };
            let op = if self.fits(key, &item) { item.into_op() } else { Op::Remove };
            (op, ())
        });
    }

    /// Returns the copy whose life is over, if it was to stay.
    pub(super) fn lapsed_copy(&self, key: &[u8]) -> Option<Hit> {
        let now = self.clock.now();
        let item = self.items.get(key)?;
        let lapsed = item.has_lapsed(now) && !self.versions.has_ended(item.version);
        lapsed.then(|| item.answer(now))
    }

    /// Puts the decoded form of a value beside the same bytes, where they are kept.
    pub(super) fn put_decoded(&self, key: &Key, value: &Value) {
        if !value.has_decoded() {
            return;
        }
        self.change(key, |found, _| match found {
            // Equal bytes decode alike, so it does not matter whether they were rewritten in
            // between.
            Some(item) if item.is_fresh() && item.value == *value => {
                let value = item.value.clone().with_decoded_of(value);
                let item = Item { value, ..item };
                // Without its form an item that just fits stays.
                let op = if self.fits(key, &item) { Op::Put(item) } else { Op::Nop };
                (op, ())
            }
            _ => (Op::Nop, ()),
        });
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{
        backend::{
            CacheBackend,
            moka::testing::{key, manual, put, value},
            op::{Arithmetic, Delete, Set, TtlLeft},
        },
        wire::{CasToken, Ttl},
    };

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
    fn a_decoded_form_that_does_not_fit_beside_its_bytes_leaves_them_alone() {
        let backend = MokaBackend::builder().max_bytes(2_000).build();
        let large = Value::new(vec![b'5'; 1_000], 7);
        assert!(backend.store(&key(), large.clone(), Set::default()).unwrap().is_stored());
        backend.keep_decoded(&key(), &large.clone().with_decoded(5_u32));
        // Asked first, for a store that is full drops what it was given.
        assert_eq!(backend.len(), 1);
        let kept = backend.find(b"k").unwrap().value;
        assert!(kept == large && !kept.has_decoded());
    }

    #[test]
    fn a_copy_whose_time_has_passed_stays_until_its_item_ends_and_is_no_answer() {
        let (backend, clock) = manual();
        let origin = || {
            Hit::new(value("v"))
                .with_cas(CasToken::new(9))
                .with_ttl_left(TtlLeft::Left(Duration::from_secs(100)))
        };
        for lapses in [false, true] {
            backend.copy(&key(), origin(), Keep::ttl(Ttl::secs(30)).lapsing(lapses));
            assert_eq!(backend.lapsed(b"k"), None);
            clock.advance(Duration::from_secs(30));
            assert_eq!(backend.find(b"k"), None);
            let lapsed = backend.lapsed(b"k");
            assert_eq!(lapsed.is_some(), lapses);
            if let Some(hit) = lapsed {
                assert_eq!(hit.cas, Some(CasToken::new(9)));
                assert_eq!(hit.ttl_left, TtlLeft::Left(Duration::from_secs(70)));
            }
            clock.advance(Duration::from_secs(70));
            assert_eq!(backend.lapsed(b"k"), None);
        }
    }

    #[test]
    fn a_change_or_a_clear_ends_a_copy_whose_time_has_passed() {
        let (backend, clock) = manual();
        let changes: [fn(&MokaBackend); 3] = [
            |backend| _ = backend.remove(&key(), Delete::default()),
            |backend| assert!(put(backend, "w", Set::default()).is_stored()),
            MokaBackend::clear,
        ];
        for change in changes {
            backend.copy(&key(), Hit::new(value("v")).with_ttl_left(TtlLeft::Never), {
                Keep::ttl(Ttl::secs(30)).lapsing(true)
            });
            clock.advance(Duration::from_secs(30));
            assert!(backend.lapsed(b"k").is_some());
            change(&backend);
            assert_eq!(backend.lapsed(b"k"), None);
        }
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
        backend.copy(&key(), origin, Keep::ttl(Ttl::secs(30)));
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
        backend.copy(&key(), Hit::new(Value::new(vec![0; 2_000], 0)), Keep::ttl(Ttl::Never));
        assert_eq!(backend.find(b"k"), None);
    }
}
