//! What the tests of this backend share.

use super::MokaBackend;
use crate::{
    backend::op::{Set, Written},
    clock::Clock,
    wire::{Key, Value},
};

pub(super) fn key() -> Key {
    Key::new("k").unwrap()
}

pub(super) fn value(data: &'static str) -> Value {
    Value::new(data, 7)
}

pub(super) fn manual() -> (MokaBackend, Clock) {
    let clock = Clock::manual();
    (MokaBackend::builder().clock(clock.clone()).build(), clock)
}

pub(super) fn put(backend: &MokaBackend, data: &'static str, how: Set) -> Written {
    backend.store(&key(), value(data), how).unwrap()
}
