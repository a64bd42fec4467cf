//! The locks, counters and timers of a connection: those of the standard library and tokio, or those
//! of the checker under which `conn::model` runs it.

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

#[cfg(not(all(test, shuttle)))]
pub(super) use tokio::time::{Sleep, sleep_until};

/// Under the checker nothing is ever late by itself.
#[cfg(all(test, shuttle))]
pub(super) type Sleep = std::future::Pending<()>;

#[cfg(all(test, shuttle))]
pub(super) fn sleep_until(_: tokio::time::Instant) -> Sleep {
    std::future::pending()
}
