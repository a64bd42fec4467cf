//! Writes of loads that nothing in the backend guards, while they are on their way.
//!
//! Where a backend has neither leases nor a version to write over, a load's write that was sent before
//! an invalidation may arrive after it. So whoever changes an entry waits for those that are on their
//! way, and none begins until the change is over; and they go on when their caller leaves, since what
//! was sent arrives all the same.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;

use crate::wire::Key;

/// The keys that are being written so, or changed.
#[derive(Debug, Default)]
pub(super) struct OnWay {
    keys: Mutex<HashMap<Key, Counts>>,
    settled: Notify,
}

#[derive(Debug, Default)]
struct Counts {
    fills: usize,
    changes: usize,
}

/// A write on its way.
#[derive(Debug)]
pub(super) struct Filling(Arc<OnWay>, Key);

/// A change of an entry.
#[derive(Debug)]
pub(super) struct Changing<'a>(&'a OnWay, &'a Key);

impl OnWay {
    /// Begins a write, unless the entry is being changed.
    pub(super) fn fill(self: &Arc<Self>, key: &Key) -> Option<Filling> {
        let mut keys = self.keys();
        let counts = keys.entry(key.clone()).or_default();
        if counts.changes > 0 {
            return None;
        }
        counts.fills += 1;
        Some(Filling(Arc::clone(self), key.clone()))
    }

    /// Begins a change, once no write is on its way any more.
    pub(super) async fn change<'a>(&'a self, key: &'a Key) -> Changing<'a> {
        self.keys().entry(key.clone()).or_default().changes += 1;
        let changing = Changing(self, key);
        loop {
            let mut settled = std::pin::pin!(self.settled.notified());
            settled.as_mut().enable();
            if self.keys().get(key).is_none_or(|counts| counts.fills == 0) {
                return changing;
            }
            settled.await;
        }
    }

    fn end(&self, key: &Key, count: impl FnOnce(&mut Counts)) {
        let mut keys = self.keys();
        if let Some(counts) = keys.get_mut(key) {
            count(counts);
            if counts.fills == 0 && counts.changes == 0 {
                keys.remove(key);
            }
        }
    }

    fn keys(&self) -> MutexGuard<'_, HashMap<Key, Counts>> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Filling {
    fn drop(&mut self) {
        self.0.end(&self.1, |counts| counts.fills -= 1);
        self.0.settled.notify_waiters();
    }
}

impl Drop for Changing<'_> {
    fn drop(&mut self) {
        self.0.end(self.1, |counts| counts.changes -= 1);
    }
}

#[cfg(test)]
mod tests {
    use std::{
        future::Future,
        pin::Pin,
        task::{Context, Waker},
    };

    use super::*;

    /// Polls once; true when it is ready.
    fn once(future: Pin<&mut impl Future>) -> bool {
        future.poll(&mut Context::from_waker(Waker::noop())).is_ready()
    }

    #[test]
    fn a_change_waits_for_the_writes_that_are_on_their_way_and_lets_none_begin() {
        let on_way = Arc::new(OnWay::default());
        let [key, other] = ["a", "b"].map(|key| Key::new(key).unwrap());
        let (first, second) = (on_way.fill(&key).unwrap(), on_way.fill(&key).unwrap());
        let mut change = Box::pin(on_way.change(&key));
        assert!(!once(change.as_mut()));
        assert!(on_way.fill(&key).is_none());
        assert!(on_way.fill(&other).is_some());
        drop(first);
        assert!(!once(change.as_mut()));
        drop(second);
        assert!(once(change.as_mut()));
        drop(change);
        assert!(on_way.fill(&key).is_some());
        assert!(on_way.keys().is_empty(), "nothing is kept of what is over");
    }
}
