//! One load per key and process: the first caller leads, the others get what it brings.
//!
//! A leader may leave at any point, by an error, a panic or because its future was dropped. Its seat
//! is then free, and one of those who wait takes it; nobody hangs, and nothing stays behind. A
//! failure that cannot be shared frees one more, so that the others, who each have to find out for
//! themselves, do so in doubling numbers and not one after the other.
//!
//! Nobody gets what may be older than its own call. Each landing carries the [`Moment`] up to which
//! it is known to hold: that at which the load began, or a later one at which the backend proved
//! that nothing had changed since. Who came after that moment looks again. An invalidation takes the
//! flight off the board, so that those who come later start anew.

use std::{
    any::Any,
    collections::HashMap,
    hash::BuildHasher,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use foldhash::fast::RandomState;
use tokio::sync::Notify;

use super::found::Found;
use crate::wire::Key;

const SHARDS: usize = 32;

/// A result of any type, as those who wait share it.
pub(crate) type Shared = Arc<dyn Any + Send + Sync>;

/// A point in the order of what this process does.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Moment(u64);

/// The flights under way.
#[derive(Debug)]
pub(super) struct Flights {
    shards: Box<[Mutex<Shard>]>,
    hasher: RandomState,
    moments: AtomicU64,
}

type Shard = HashMap<Key, Arc<Flight>, RandomState>;

#[derive(Debug)]
struct Flight {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug)]
struct State {
    leaders: usize,
    /// How many may lead at once.
    seats: usize,
    end: Option<End>,
}

#[derive(Clone, Debug)]
enum End {
    Landed(Shared, Moment),
    Failed(Shared),
}

/// What came of asking to take part in a flight.
pub(super) enum Joined<T> {
    /// The caller leads: it loads, and lands the result.
    Leads {
        leader: Leader,
        /// Whether it has waited for another leader before.
        waited: bool,
    },
    /// Another caller's result.
    Landed(Found<T>),
    /// Another caller's error.
    Failed(Shared),
    /// Another caller's result, which may be older than the call, or of another type.
    LookAgain,
}

/// What came of watching a flight.
pub(super) enum Watched<T> {
    /// Its result.
    Landed(Found<T>),
    /// It brought nothing for the one who watched.
    Over,
    /// There is none.
    NoFlight,
}

/// The duty to land a flight; dropped, it passes on.
#[must_use]
pub(super) struct Leader {
    flights: Arc<Flights>,
    key: Key,
    flight: Arc<Flight>,
    /// Whether it has a seat of its own, which goes with it.
    added: bool,
}

impl Flights {
    pub(super) fn new() -> Self {
        Self {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            hasher: RandomState::default(),
            moments: AtomicU64::new(0),
        }
    }

    /// Returns the present moment, later than all that were asked for before.
    pub(super) fn moment(&self) -> Moment {
        Moment(self.moments.fetch_add(1, Ordering::SeqCst))
    }

    /// Joins the flight of the key for a call that began at `since`, or starts one.
    ///
    /// Dropping the future leaves the flight to the others.
    pub(super) async fn join<T: Clone + Send + Sync + 'static>(
        self: &Arc<Self>,
        key: &Key,
        since: Moment,
    ) -> Joined<T> {
        let flight = {
            let mut shard = self.shard(key);
            let Some(flight) = shard.get(key) else {
                let flight = Flight::led();
                shard.insert(key.clone(), Arc::clone(&flight));
                return Joined::Leads { leader: self.leader(key, flight), waited: false };
            };
            Arc::clone(flight)
        };
        let place = Waiter { flights: self, key, flight };
        let mut waited = false;
        loop {
            let changed = place.flight.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            match place.flight.state().take_part() {
                Part::Wait => {}
                Part::Lead => {
                    let leader = self.leader(key, Arc::clone(&place.flight));
                    return Joined::Leads { leader, waited };
                }
                Part::End(end) => return end.joined(since),
            }
            waited = true;
            changed.await;
        }
    }

    /// Waits for the flight of the key, if there is one, without ever leading it.
    pub(super) async fn watch<T: Clone + Send + Sync + 'static>(
        &self,
        key: &Key,
        since: Moment,
    ) -> Watched<T> {
        let Some(flight) = self.shard(key).get(key).cloned() else { return Watched::NoFlight };
        let place = Waiter { flights: self, key, flight };
        loop {
            let changed = place.flight.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            match place.flight.state().look() {
                Part::Wait => {}
                Part::Lead => return Watched::Over,
                Part::End(end) => match end.joined(since) {
                    Joined::Landed(found) => return Watched::Landed(found),
                    Joined::Failed(_) | Joined::LookAgain | Joined::Leads { .. } => {
                        return Watched::Over;
                    }
                },
            }
            changed.await;
        }
    }

    /// Leads the flight of the key beside whoever does, or starts one: for a caller who alone may load
    /// it.
    pub(super) fn lead(self: &Arc<Self>, key: &Key) -> Leader {
        let mut shard = self.shard(key);
        if let Some(flight) = shard.get(key)
            && flight.state().add_leader()
        {
            let mut leader = self.leader(key, Arc::clone(flight));
            leader.added = true;
            return leader;
        }
        let flight = Flight::led();
        shard.insert(key.clone(), Arc::clone(&flight));
        self.leader(key, flight)
    }

    /// Starts a flight of the key, unless there is one.
    pub(super) fn lead_first(self: &Arc<Self>, key: &Key) -> Option<Leader> {
        let mut shard = self.shard(key);
        if shard.contains_key(key) {
            return None;
        }
        let flight = Flight::led();
        shard.insert(key.clone(), Arc::clone(&flight));
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

    fn leader(self: &Arc<Self>, key: &Key, flight: Arc<Flight>) -> Leader {
        Leader { flights: Arc::clone(self), key: key.clone(), flight, added: false }
    }

    /// Takes the flight off the board if it has ended, or if it is left by everybody but its present
    /// holder.
    fn sweep(&self, key: &Key, flight: &Arc<Flight>) {
        let mut shard = self.shard(key);
        let over = {
            let state = flight.state();
            // One of the two is the board's; nobody can take another one while it is locked.
            state.end.is_some() || state.leaders == 0 && Arc::strong_count(flight) <= 2
        };
        if over && shard.get(key).is_some_and(|known| Arc::ptr_eq(known, flight)) {
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
        let state = State { leaders: 1, seats: 1, end: None };
        Arc::new(Self { state: Mutex::new(state), changed: Notify::new() })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What there is to do for one who is on a flight.
enum Part {
    Wait,
    Lead,
    End(End),
}

impl State {
    fn look(&self) -> Part {
        match &self.end {
            Some(end) => Part::End(end.clone()),
            None if self.leaders < self.seats => Part::Lead,
            None => Part::Wait,
        }
    }

    /// Seats one more leader, unless the flight has ended.
    fn add_leader(&mut self) -> bool {
        if self.end.is_none() {
            self.leaders += 1;
            self.seats += 1;
        }
        self.end.is_none()
    }

    /// Answers one who waits, and takes a free seat for it.
    fn take_part(&mut self) -> Part {
        let part = self.look();
        if matches!(part, Part::Lead) {
            self.leaders += 1;
        }
        part
    }
}

impl End {
    fn joined<T: Clone + 'static>(self, since: Moment) -> Joined<T> {
        match self {
            Self::Failed(error) => Joined::Failed(error),
            Self::Landed(_, holds) if holds < since => Joined::LookAgain,
            Self::Landed(found, _) => match found.downcast_ref::<Found<T>>() {
                Some(found) => Joined::Landed(found.clone()),
                None => Joined::LookAgain,
            },
        }
    }
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

impl Leader {
    /// Waits until another leader of the flight has brought something for a call that began at
    /// `since`.
    pub(super) async fn overtaken<T: Clone + 'static>(&self, since: Moment) -> Joined<T> {
        loop {
            let changed = self.flight.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            let end = self.flight.state().end.clone();
            if let Some(end) = end {
                return end.joined(since);
            }
            changed.await;
        }
    }

    /// Gives the result to everybody who waits and came before the moment up to which it holds.
    pub(super) fn land<T: Send + Sync + 'static>(self, found: Found<T>, holds: Moment) {
        // The drop that follows takes the flight off the board and wakes the others.
        self.flight.state().end = Some(End::Landed(Arc::new(found), holds));
    }

    /// Gives an error to everybody who waits, where it can be shared; else they are to find out for
    /// themselves.
    pub(super) fn fail(self, error: Option<Shared>) {
        let mut state = self.flight.state();
        match error {
            Some(error) => state.end = Some(End::Failed(error)),
            None => state.seats += 1,
        }
    }
}

impl Drop for Leader {
    fn drop(&mut self) {
        {
            let mut state = self.flight.state();
            state.leaders = state.leaders.saturating_sub(1);
            if self.added {
                state.seats = state.seats.saturating_sub(1);
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
        pin::{Pin, pin},
        task::{Context, Poll, Waker},
    };

    use super::*;

    fn key() -> Key {
        Key::new("k").unwrap()
    }

    fn flights() -> Arc<Flights> {
        Arc::new(Flights::new())
    }

    fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
        future.poll(&mut Context::from_waker(Waker::noop()))
    }

    #[track_caller]
    fn leads(joined: Poll<Joined<u32>>) -> Leader {
        match joined {
            Poll::Ready(Joined::Leads { leader, .. }) => leader,
            _ => panic!("the caller does not lead"),
        }
    }

    #[test]
    fn the_others_get_what_the_leader_brings() {
        let (flights, key) = (flights(), key());
        let leader = leads(poll(pin!(flights.join(&key, flights.moment()))));
        let mut waiter = pin!(flights.join::<u32>(&key, flights.moment()));
        assert!(poll(waiter.as_mut()).is_pending());
        leader.land(Found::Value(7u32), flights.moment());
        assert!(matches!(poll(waiter), Poll::Ready(Joined::Landed(Found::Value(7)))));
        assert_eq!(flights.len(), 0);
    }

    #[test]
    fn who_came_after_what_the_leader_knows_looks_again() {
        let (flights, key) = (flights(), key());
        let before = flights.moment();
        let leader = leads(poll(pin!(flights.join(&key, before))));
        let holds = flights.moment();
        let after = flights.moment();
        let mut early = pin!(flights.join::<u32>(&key, before));
        let mut late = pin!(flights.join::<u32>(&key, after));
        assert!(poll(early.as_mut()).is_pending() && poll(late.as_mut()).is_pending());
        leader.land(Found::Value(7u32), holds);
        assert!(matches!(poll(early), Poll::Ready(Joined::Landed(Found::Value(7)))));
        assert!(matches!(poll(late), Poll::Ready(Joined::LookAgain)));
    }

    #[test]
    fn a_leader_that_leaves_is_followed_by_one_who_waits() {
        let (flights, key) = (flights(), key());
        let leader = leads(poll(pin!(flights.join(&key, flights.moment()))));
        let mut first = pin!(flights.join::<u32>(&key, flights.moment()));
        let mut second = pin!(flights.join::<u32>(&key, flights.moment()));
        assert!(poll(first.as_mut()).is_pending() && poll(second.as_mut()).is_pending());
        drop(leader);
        let leader = leads(poll(second));
        assert!(poll(first.as_mut()).is_pending());
        leader.land(Found::<u32>::Absent, flights.moment());
        assert!(matches!(poll(first), Poll::Ready(Joined::Landed(Found::Absent))));
        assert_eq!(flights.len(), 0);
    }

    #[test]
    fn who_may_load_leads_beside_who_waits_for_another_process() {
        let (flights, key) = (flights(), key());
        let since = flights.moment();
        let waiting = leads(poll(pin!(flights.join(&key, since))));
        let mut third = pin!(flights.join::<u32>(&key, since));
        assert!(poll(third.as_mut()).is_pending());
        drop(flights.lead(&key));
        assert!(poll(third.as_mut()).is_pending(), "its seat went with it");
        let loading = flights.lead(&key);
        {
            let mut overtaken = pin!(waiting.overtaken::<u32>(since));
            assert!(poll(overtaken.as_mut()).is_pending());
            loading.land(Found::Value(7u32), flights.moment());
            assert!(matches!(poll(overtaken), Poll::Ready(Joined::Landed(Found::Value(7)))));
        }
        assert!(matches!(poll(third), Poll::Ready(Joined::Landed(Found::Value(7)))));
        drop(waiting);
        assert_eq!(flights.len(), 0);
    }

    #[test]
    fn after_a_failure_that_nobody_can_share_twice_as_many_lead() {
        let (flights, key) = (flights(), key());
        let leader = leads(poll(pin!(flights.join(&key, flights.moment()))));
        let mut waiters: Vec<_> =
            (0..4).map(|_| Box::pin(flights.join::<u32>(&key, flights.moment()))).collect();
        assert!(waiters.iter_mut().all(|waiter| poll(waiter.as_mut()).is_pending()));
        leader.fail(None);
        let leaders =
            [waiters.remove(0), waiters.remove(0)].map(|mut one| leads(poll(one.as_mut())));
        assert!(waiters.iter_mut().all(|waiter| poll(waiter.as_mut()).is_pending()));
        drop(leaders);
        drop(waiters);
        assert_eq!(flights.len(), 0);
    }

    #[test]
    fn an_error_that_can_be_shared_is_everybodys() {
        let (flights, key) = (flights(), key());
        let leader = leads(poll(pin!(flights.join(&key, flights.moment()))));
        let mut waiter = pin!(flights.join::<u32>(&key, flights.moment()));
        assert!(poll(waiter.as_mut()).is_pending());
        leader.fail(Some(Arc::new("no")));
        let Poll::Ready(Joined::Failed(error)) = poll(waiter) else { panic!("it is not shared") };
        assert_eq!(error.downcast_ref(), Some(&"no"));
        assert_eq!(flights.len(), 0);
    }

    #[test]
    fn who_only_watches_never_leads() {
        let (flights, key) = (flights(), key());
        let since = flights.moment();
        assert!(matches!(
            poll(pin!(flights.watch::<u32>(&key, since))),
            Poll::Ready(Watched::NoFlight)
        ));
        let leader = flights.lead(&key);
        assert!(flights.lead_first(&key).is_none());
        let mut watcher = pin!(flights.watch::<u32>(&key, since));
        assert!(poll(watcher.as_mut()).is_pending());
        drop(leader);
        assert!(matches!(poll(watcher), Poll::Ready(Watched::Over)));
        assert_eq!(flights.len(), 0);
    }

    #[test]
    fn nothing_stays_behind_when_everybody_leaves() {
        let (flights, key) = (flights(), key());
        let leader = leads(poll(pin!(flights.join(&key, flights.moment()))));
        {
            let mut waiter = pin!(flights.join::<u32>(&key, flights.moment()));
            assert!(poll(waiter.as_mut()).is_pending());
            drop(leader);
        }
        assert_eq!(flights.len(), 0);
    }

    #[test]
    fn a_forgotten_flight_lands_for_those_who_wait_already() {
        let (flights, key) = (flights(), key());
        let old = leads(poll(pin!(flights.join(&key, flights.moment()))));
        let mut waiter = pin!(flights.join::<u32>(&key, flights.moment()));
        assert!(poll(waiter.as_mut()).is_pending());
        flights.forget(&key);
        let new = leads(poll(pin!(flights.join(&key, flights.moment()))));
        old.land(Found::Value(1u32), flights.moment());
        assert!(matches!(poll(waiter), Poll::Ready(Joined::Landed(Found::Value(1)))));
        assert_eq!(flights.len(), 1, "the new flight is still on the board");
        new.land(Found::Value(2u32), flights.moment());
        assert_eq!(flights.len(), 0);
    }
}
