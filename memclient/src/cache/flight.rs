//! One load per key and process: the first caller leads, the others get what it brings.
//!
//! A leader may leave at any point, by an error, a panic or because its future was dropped. Its
//! flight is then without a leader, and one of those who wait takes over; nobody hangs, and nothing
//! stays behind. An invalidation takes the flight off the board: those who wait already get its
//! result, those who come later start anew.

use std::{
    any::Any,
    collections::HashMap,
    hash::BuildHasher,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use foldhash::fast::RandomState;
use tokio::sync::Notify;

use super::found::Found;
use crate::wire::Key;

const SHARDS: usize = 32;

/// The flights under way.
#[derive(Debug)]
pub(super) struct Flights {
    shards: Box<[Mutex<Shard>]>,
    hasher: RandomState,
}

type Shard = HashMap<Key, Arc<Flight>, RandomState>;

#[derive(Debug)]
struct Flight {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug)]
enum State {
    Led,
    Leaderless,
    Landed(Arc<dyn Any + Send + Sync>),
}

/// What came of asking to take part in a flight.
pub(super) enum Joined<'a, T> {
    /// The caller leads: it loads, and lands the result.
    Leads(Leader<'a>),
    /// Another caller's result.
    Landed(Found<T>),
}

/// The duty to land a flight; dropped, it passes on.
#[must_use]
pub(super) struct Leader<'a> {
    flights: &'a Flights,
    key: Key,
    flight: Arc<Flight>,
}

impl Flights {
    pub(super) fn new() -> Self {
        Self {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            hasher: RandomState::default(),
        }
    }

    /// Joins the flight of the key, or starts one.
    ///
    /// Dropping the future leaves the flight to the others.
    pub(super) async fn join<T: Clone + Send + Sync + 'static>(&self, key: &Key) -> Joined<'_, T> {
        let flight = {
            let mut shard = self.shard(key);
            let Some(flight) = shard.get(key) else {
                let flight = Flight::led();
                shard.insert(key.clone(), Arc::clone(&flight));
                return Joined::Leads(self.leader(key, flight));
            };
            Arc::clone(flight)
        };
        let waiter = Waiter { flights: self, key, flight };
        loop {
            let changed = waiter.flight.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            match waiter.flight.state().ask() {
                Asked::Wait => {}
                Asked::TakeOver => {
                    return Joined::Leads(self.leader(key, Arc::clone(&waiter.flight)));
                }
                Asked::Landed(found) => match found.downcast_ref::<Found<T>>() {
                    Some(found) => return Joined::Landed(found.clone()),
                    // Another type under the same key: each caller for itself.
                    None => return Joined::Leads(self.leader(key, Arc::clone(&waiter.flight))),
                },
            }
            changed.await;
        }
    }

    /// Starts a flight of the key, unless there is one.
    pub(super) fn lead(&self, key: &Key) -> Option<Leader<'_>> {
        let flight = {
            let mut shard = self.shard(key);
            if shard.contains_key(key) {
                return None;
            }
            let flight = Flight::led();
            shard.insert(key.clone(), Arc::clone(&flight));
            flight
        };
        Some(self.leader(key, flight))
    }

    /// Takes the key's flight off the board: whoever comes now starts a new one.
    pub(super) fn forget(&self, key: &Key) {
        self.shard(key).remove(key);
    }

    /// Returns how many flights are under way.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().unwrap().len()).sum()
    }

    fn leader(&self, key: &Key, flight: Arc<Flight>) -> Leader<'_> {
        Leader { flights: self, key: key.clone(), flight }
    }

    /// Takes the flight off the board if it has landed, or if it is left by everybody but its
    /// present holder.
    fn sweep(&self, key: &Key, flight: &Arc<Flight>) {
        let mut shard = self.shard(key);
        let ended = match &*flight.state() {
            State::Led => false,
            State::Landed(_) => true,
            // One of the two is the board's; nobody can take another one while it is locked.
            State::Leaderless => Arc::strong_count(flight) <= 2,
        };
        if ended && shard.get(key).is_some_and(|known| Arc::ptr_eq(known, flight)) {
            shard.remove(key);
        }
    }

    #[expect(clippy::cast_possible_truncation, reason = "the low bits are what is asked for")]
    fn shard(&self, key: &Key) -> MutexGuard<'_, Shard> {
        let shard = &self.shards[self.hasher.hash_one(key) as usize % SHARDS];
        shard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Flight {
    fn led() -> Arc<Self> {
        Arc::new(Self { state: Mutex::new(State::Led), changed: Notify::new() })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Answers one who waits; a flight without a leader is led by it from now on.
    fn ask(&mut self) -> Asked {
        match self {
            Self::Led => Asked::Wait,
            Self::Leaderless => {
                *self = Self::Led;
                Asked::TakeOver
            }
            Self::Landed(found) => Asked::Landed(Arc::clone(found)),
        }
    }
}

enum Asked {
    Wait,
    TakeOver,
    Landed(Arc<dyn Any + Send + Sync>),
}

/// One who waits; the last one to leave a flight without a leader takes it off the board.
struct Waiter<'a> {
    flights: &'a Flights,
    key: &'a Key,
    flight: Arc<Flight>,
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        self.flights.sweep(self.key, &self.flight);
    }
}

impl Leader<'_> {
    /// Gives the result to everybody who waits.
    pub(super) fn land<T: Send + Sync + 'static>(self, found: Found<T>) {
        // The drop that follows takes the flight off the board and wakes the others.
        *self.flight.state() = State::Landed(Arc::new(found));
    }
}

impl Drop for Leader<'_> {
    fn drop(&mut self) {
        {
            let mut state = self.flight.state();
            if matches!(*state, State::Led) {
                *state = State::Leaderless;
            }
        }
        self.flights.sweep(&self.key, &self.flight);
        self.flight.changed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use std::{
        future::Future,
        pin::pin,
        task::{Context, Poll, Waker},
    };

    use super::*;

    fn key() -> Key {
        Key::new("k").unwrap()
    }

    fn poll<F: Future>(future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
        future.poll(&mut Context::from_waker(Waker::noop()))
    }

    #[track_caller]
    fn leads(joined: Poll<Joined<'_, u32>>) -> Leader<'_> {
        match joined {
            Poll::Ready(Joined::Leads(leader)) => leader,
            _ => panic!("the caller does not lead"),
        }
    }

    #[test]
    fn the_others_get_what_the_leader_brings() {
        let (flights, key) = (Flights::new(), key());
        let leader = leads(poll(pin!(flights.join::<u32>(&key))));
        let mut waiter = pin!(flights.join::<u32>(&key));
        assert!(poll(waiter.as_mut()).is_pending());
        leader.land(Found::Value(7u32));
        assert!(matches!(poll(waiter), Poll::Ready(Joined::Landed(Found::Value(7)))));
        assert_eq!(flights.len(), 0);
    }

    #[test]
    fn a_leader_that_leaves_is_followed_by_one_who_waits() {
        let (flights, key) = (Flights::new(), key());
        let leader = leads(poll(pin!(flights.join::<u32>(&key))));
        let mut first = pin!(flights.join::<u32>(&key));
        let mut second = pin!(flights.join::<u32>(&key));
        assert!(poll(first.as_mut()).is_pending() && poll(second.as_mut()).is_pending());
        drop(leader);
        let leader = leads(poll(second));
        assert!(poll(first.as_mut()).is_pending());
        leader.land(Found::<u32>::Absent);
        assert!(matches!(poll(first), Poll::Ready(Joined::Landed(Found::Absent))));
        assert_eq!(flights.len(), 0);
    }

    #[test]
    fn nothing_stays_behind_when_everybody_leaves() {
        let (flights, key) = (Flights::new(), key());
        let leader = leads(poll(pin!(flights.join::<u32>(&key))));
        {
            let mut waiter = pin!(flights.join::<u32>(&key));
            assert!(poll(waiter.as_mut()).is_pending());
            drop(leader);
        }
        assert_eq!(flights.len(), 0);
    }

    #[test]
    fn a_forgotten_flight_lands_for_those_who_wait_already() {
        let (flights, key) = (Flights::new(), key());
        let old = leads(poll(pin!(flights.join::<u32>(&key))));
        let mut waiter = pin!(flights.join::<u32>(&key));
        assert!(poll(waiter.as_mut()).is_pending());
        flights.forget(&key);
        let new = leads(poll(pin!(flights.join::<u32>(&key))));
        old.land(Found::Value(1u32));
        assert!(matches!(poll(waiter), Poll::Ready(Joined::Landed(Found::Value(1)))));
        assert_eq!(flights.len(), 1, "the new flight is still on the board");
        new.land(Found::Value(2u32));
        assert_eq!(flights.len(), 0);
    }
}
