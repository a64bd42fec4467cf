//! Storing, removing, and giving another life.

use bytes::{BufMut, Bytes, BytesMut};
use moka::ops::compute::Op;

use super::{
    MokaBackend,
    item::{Item, Life},
    weight::unpinned,
};
use crate::{
    backend::op::{Delete, Mode, Set, Written},
    error::{Delivery, Error, Result},
    wire::{Deleted, Key, Touched, Ttl, Value},
};

impl MokaBackend {
    pub(super) fn store(&self, key: &Key, value: Value, how: Set) -> Result<Written> {
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

    pub(super) fn remove(&self, key: &Key, how: Delete) -> Deleted {
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

    pub(super) fn relive(&self, key: &Key, ttl: Ttl) -> Touched {
        let life = Life::of(ttl, &self.clock);
        self.change(key, |found, _| match found {
            None => (Op::Nop, Touched::NotFound),
            Some(item) => (Item { life, ..item }.into_op(), Touched::Touched),
        })
    }
}

fn concat(head: &[u8], tail: &[u8]) -> Bytes {
    let mut data = BytesMut::with_capacity(head.len() + tail.len());
    data.put_slice(head);
    data.put_slice(tail);
    data.freeze()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::backend::{
        moka::testing::{key, manual, put, value},
        op::{Arithmetic, TtlLeft},
    };

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
}
