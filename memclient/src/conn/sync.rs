//! The locks and counters of a connection: the standard library's, or those of the checker under
//! which `conn::model` runs it.

#[cfg(not(all(test, shuttle)))]
pub(super) use std::sync::{
    Mutex, MutexGuard,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

#[cfg(all(test, shuttle))]
pub(super) use shuttle::sync::{
    Mutex, MutexGuard,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};
