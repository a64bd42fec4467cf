//! Which stale entries this process is refreshing, and which it leaves alone for a while because
//! that failed. Nothing else decides whether a stale answer comes with a refresh.

use std::{
    collections::HashMap,
    hash::BuildHasher,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use foldhash::fast::RandomState;

use crate::{clock::Clock, wire::Key};

const SHARDS: usize = 16;

/// From so many entries of a shard on, those whose time has passed are dropped.
const MANY: usize = 256;

/// The refreshes under way, and those that failed.
#[derive(Debug)]
pub(super) struct Refreshes {
    shards: [Mutex<Shard>; SHARDS],
    hasher: RandomState,
    clock: Clock,
}

type Shard = HashMap<Key, State, RandomState>;

#[derive(Clone, Copy, Debug)]
enum State {
    UnderWay,
    /// Another process has its lease; it is left alone until this time.
    Elsewhere {
        until: Instant,
    },
    /// It failed; the next one waits for this time.
    Failed {
        until: Instant,
    },
    /// A load brought nothing to keep; until this time nobody waits for that of another process.
    InVain {
        until: Instant,
    },
}

/// The right to refresh an entry. Dropped without a word, the refresh has failed.
#[derive(Debug)]
#[must_use]
pub(super) struct Refresh {
    refreshes: Arc<Refreshes>,
    key: Key,
    throttle: Duration,
    done: bool,
}

impl Refreshes {
    /// Returns none, to be timed by this clock.
    pub(super) fn new(clock: Clock) -> Self {
        Self { shards: Default::default(), hasher: RandomState::default(), clock }
    }

    /// Returns the right to refresh the entry; `None` while another has it, or a failure was less
    /// than the throttle ago.
    pub(super) fn begin(self: &Arc<Self>, key: &Key, throttle: Duration) -> Option<Refresh> {
        let now = self.clock.now();
        let mut shard = self.shard(key.as_bytes());
        if shard.get(key.as_bytes()).is_some_and(|state| state.holds(now)) {
            return None;
        }
        shard.insert(key.clone(), State::UnderWay);
        Some(Refresh { refreshes: Arc::clone(self), key: key.clone(), throttle, done: false })
    }

    /// Says whether to leave the entry to another process; not for longer than that may take, lest it
    /// has died meanwhile.
    pub(super) fn gives_way(&self, key: &Key, time: Duration) -> bool {
        let now = self.clock.now();
        let mut shard = self.shard(key.as_bytes());
        let state = shard.entry(key.clone()).or_insert(State::Elsewhere { until: now + time });
        let gives_way = match *state {
            State::Elsewhere { until } => now < until,
            State::Failed { until } | State::InVain { until } if until <= now => {
                *state = State::Elsewhere { until: now + time };
                true
            }
            State::UnderWay | State::Failed { .. } | State::InVain { .. } => true,
        };
        if !gives_way {
            shard.remove(key.as_bytes());
        }
        tidy(&mut shard, now);
        gives_way
    }

    /// Notes that a load of a missing entry brought nothing that is kept: for so long, other loads of
    /// it are likely to bring nothing either, and not worth waiting for.
    pub(super) fn note_in_vain(&self, key: &Key, time: Duration) {
        let now = self.clock.now();
        let mut shard = self.shard(key.as_bytes());
        shard.insert(key.clone(), State::InVain { until: now + time });
        tidy(&mut shard, now);
    }

    /// Says whether a load brought nothing lately.
    pub(super) fn is_in_vain(&self, key: &[u8]) -> bool {
        let now = self.clock.now();
        let shard = self.shard(key);
        shard.get(key).is_some_and(|state| matches!(*state, State::InVain { until } if now < until))
    }

    /// Says whether the entry is being refreshed, or left alone.
    pub(super) fn holds(&self, key: &[u8]) -> bool {
        let now = self.clock.now();
        self.shard(key).get(key).is_some_and(|state| state.holds(now))
    }

    #[expect(clippy::cast_possible_truncation, reason = "the low bits are what is asked for")]
    fn shard(&self, key: &[u8]) -> MutexGuard<'_, Shard> {
        let shard = &self.shards[self.hasher.hash_one(key) as usize % SHARDS];
        shard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn holds(self, now: Instant) -> bool {
        match self {
            Self::UnderWay => true,
            Self::Elsewhere { .. } | Self::InVain { .. } => false,
            Self::Failed { until } => now < until,
        }
    }

    /// Says whether it is worth remembering.
    fn is_current(self, now: Instant) -> bool {
        match self {
            Self::UnderWay => true,
            Self::Elsewhere { until } | Self::Failed { until } | Self::InVain { until } => {
                now < until
            }
        }
    }
}

impl Refresh {
    /// Ends a refresh that brought something.
    pub(super) fn succeed(mut self) {
        self.done = true;
    }
}

impl Drop for Refresh {
    fn drop(&mut self) {
        let mut shard = self.refreshes.shard(self.key.as_bytes());
        if self.done {
            shard.remove(self.key.as_bytes());
            return;
        }
        let now = self.refreshes.clock.now();
        shard.insert(self.key.clone(), State::Failed { until: now + self.throttle });
        tidy(&mut shard, now);
    }
}

/// Forgets what is over, once there is much to remember.
fn tidy(shard: &mut Shard, now: Instant) {
    if shard.len() > MANY {
        shard.retain(|_, state| state.is_current(now));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(3600);

    #[test]
    fn one_refresh_at_a_time_and_none_soon_after_a_failure() {
        let (refreshes, key) = (Arc::new(Refreshes::new(Clock::system())), Key::new("k").unwrap());
        let first = refreshes.begin(&key, LONG).unwrap();
        assert!(refreshes.begin(&key, LONG).is_none() && refreshes.holds(b"k"));
        assert!(refreshes.begin(&Key::new("other").unwrap(), LONG).is_some());
        first.succeed();
        assert!(!refreshes.holds(b"k"));
        drop(refreshes.begin(&key, LONG));
        assert!(refreshes.begin(&key, LONG).is_none(), "it has just failed");
    }

    #[test]
    fn a_failure_is_forgotten_after_the_throttle() {
        let clock = Clock::manual();
        let (refreshes, key) = (Arc::new(Refreshes::new(clock.clone())), Key::new("k").unwrap());
        drop(refreshes.begin(&key, Duration::from_secs(10)));
        clock.advance(Duration::from_millis(9_999));
        assert!(refreshes.holds(b"k"));
        clock.advance(Duration::from_millis(1));
        assert!(!refreshes.holds(b"k"));
        refreshes.begin(&key, Duration::ZERO).unwrap().succeed();
    }

    #[test]
    fn another_process_is_given_way_to_for_a_while() {
        let clock = Clock::manual();
        let (refreshes, key) = (Arc::new(Refreshes::new(clock.clone())), Key::new("k").unwrap());
        assert!(refreshes.gives_way(&key, LONG) && refreshes.gives_way(&key, LONG));
        assert!(!refreshes.holds(b"k"), "it may have been refreshed by now");
        clock.advance(LONG);
        assert!(!refreshes.gives_way(&key, LONG), "it may have died");
        refreshes.begin(&key, LONG).unwrap().succeed();
    }

    #[test]
    fn failures_of_ever_new_keys_do_not_pile_up() {
        let refreshes = Arc::new(Refreshes::new(Clock::system()));
        for number in 0..100_000 {
            let key = Key::new(format!("key:{number}")).unwrap();
            drop(refreshes.begin(&key, Duration::ZERO));
        }
        let kept: usize = refreshes.shards.iter().map(|shard| shard.lock().unwrap().len()).sum();
        assert!(kept <= SHARDS * (MANY + 1), "{kept} are kept");
    }
}
