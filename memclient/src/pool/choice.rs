//! Which of the open connections serves the next call. Nothing else decides that.
//!
//! Few calls at a time are fastest each on a connection of its own, where the caller moves its own
//! bytes. Many are fastest together on one, where they share writes, reads and gathered gets; but a
//! large one has nothing to share, and would keep the others waiting. What
//! lies between is told apart by the load of the last few dozen calls, so that a moment does not
//! scatter what belongs together.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::conn::Connection;

/// More calls at a time than this go together.
const FEW: usize = 8;

/// The smoothed load is kept in parts of one call, and follows the present one by a fraction.
const SCALE: usize = 64;
const FOLLOW: usize = 32;

#[derive(Debug, Default)]
pub(super) struct Choice {
    /// Updated without care for lost updates: it is an estimate.
    load: AtomicUsize,
}

/// What serves the next call.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Chosen {
    /// The place of the connection.
    pub(super) place: usize,
    /// Whether one more connection would serve better.
    pub(super) more: bool,
}

impl Choice {
    /// Chooses among connections, of which there is at least one.
    pub(super) fn choose(&self, open: &[Connection], large: bool) -> Chosen {
        self.choose_by_load(open.iter().map(Connection::load), large)
    }

    fn choose_by_load(&self, loads: impl Iterator<Item = usize>, large: bool) -> Chosen {
        let (mut all, mut idlest, mut least) = (0, 0, usize::MAX);
        for (place, load) in loads.enumerate() {
            all += load;
            if load < least {
                (idlest, least) = (place, load);
            }
        }
        if self.follow(all) > FEW * SCALE && !large {
            return Chosen { place: 0, more: false };
        }
        Chosen { place: idlest, more: least > 0 }
    }

    fn follow(&self, load: usize) -> usize {
        let before = self.load.load(Ordering::Relaxed);
        let after = before - before / FOLLOW + load * SCALE / FOLLOW;
        self.load.store(after, Ordering::Relaxed);
        after
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settled(loads: &[usize]) -> Chosen {
        let choice = Choice::default();
        for _ in 0..1000 {
            choice.choose_by_load(loads.iter().copied(), false);
        }
        choice.choose_by_load(loads.iter().copied(), false)
    }

    #[test]
    fn few_calls_get_an_idle_connection_each() {
        assert_eq!(settled(&[1, 0, 1]), Chosen { place: 1, more: false });
        assert_eq!(settled(&[2, 1, 3]), Chosen { place: 1, more: true });
    }

    #[test]
    fn many_calls_go_together() {
        assert_eq!(settled(&[64, 0, 0]), Chosen { place: 0, more: false });
    }

    #[test]
    fn a_large_call_goes_where_nobody_waits() {
        let choice = Choice::default();
        for _ in 0..1000 {
            choice.choose_by_load([64, 0].into_iter(), false);
        }
        let chosen = choice.choose_by_load([64, 0].into_iter(), true);
        assert_eq!(chosen, Chosen { place: 1, more: false });
    }

    #[test]
    fn a_moment_of_many_scatters_nothing() {
        let choice = Choice::default();
        for _ in 0..1000 {
            choice.choose_by_load([2, 0].into_iter(), false);
        }
        assert_eq!(choice.choose_by_load([40, 0].into_iter(), false).place, 1);
    }
}
