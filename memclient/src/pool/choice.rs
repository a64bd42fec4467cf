//! Which of the open connections serves the next call. Nothing else decides that.
//!
//! Few calls at a time are fastest each on a connection of its own, where the caller moves its own
//! bytes. Many are fastest together: small ones on one connection, where they share writes, reads
//! and gathered gets; those that ask for much on four, of which the server fills one while another
//! is emptied, and where each waits for a quarter of the others only. Whatever is large keeps those
//! behind it waiting, so the small ones stay off the connections that have it.
//!
//! Few and many are told apart by the load of the last few dozen calls, so that a moment does not
//! scatter what belongs together.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::size::Size;
use crate::conn::Connection;

/// More calls at a time than this go together.
///
/// What is best for between four and eight depends on what it costs to wake who sleeps: together they
/// share what a waking costs, alone they more often find the other side awake. Measured on a machine
/// whose idle cores poll, 1.5 to 2.2 times as many calls are answered together from five tasks on; on
/// one whose idle cores halt at once, about as many from eight on and two thirds at six.
const FEW: usize = 5;

/// How many connections serve many calls that ask for much.
const BATCH_CONNECTIONS: usize = 4;

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

/// How busy a connection is.
#[derive(Clone, Copy, Debug)]
struct Busy {
    /// How many calls await their answer.
    load: usize,
    /// Whether anything large is among them.
    bulky: bool,
}

impl Choice {
    /// Chooses among connections, of which there is at least one.
    pub(super) fn choose(&self, open: &[Connection], size: Size) -> Chosen {
        let busy = |connection: &Connection| Busy {
            load: connection.load(),
            bulky: connection.is_bulky(),
        };
        self.choose_by_load(open.iter().map(busy), size)
    }

    fn choose_by_load(
        &self,
        open: impl ExactSizeIterator<Item = Busy> + Clone,
        size: Size,
    ) -> Chosen {
        let many = self.follow(open.clone().map(|busy| busy.load).sum()) > FEW * SCALE;
        let count = open.len();
        let places = open.enumerate();
        let idlest = |limit: usize| {
            let idlest = places.clone().take(limit).min_by_key(|(_, busy)| busy.load);
            idlest.map_or((0, 0), |(place, busy)| (place, busy.load))
        };
        match size {
            Size::Small => {
                let mut free = places.clone().filter(|(_, busy)| !busy.bulky);
                let free = if many { free.next() } else { free.min_by_key(|(_, busy)| busy.load) };
                match free {
                    Some((place, busy)) => Chosen { place, more: !many && busy.load > 0 },
                    None => Chosen { place: idlest(count).0, more: true },
                }
            }
            Size::Batch if many => {
                let (place, load) = idlest(BATCH_CONNECTIONS);
                Chosen { place, more: load > 0 && count < BATCH_CONNECTIONS }
            }
            Size::Batch | Size::Large => {
                let (place, load) = idlest(count);
                Chosen { place, more: load > 0 }
            }
        }
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

    /// Chooses after many calls under these loads; a load of 100 and more has something large.
    fn settled(loads: &[usize], size: Size) -> (usize, bool) {
        let choice = Choice::default();
        let busy = |&load: &usize| Busy { load: load % 100, bulky: load >= 100 };
        for _ in 0..1000 {
            choice.choose_by_load(loads.iter().map(busy), size);
        }
        let Chosen { place, more } = choice.choose_by_load(loads.iter().map(busy), size);
        (place, more)
    }

    #[test]
    fn few_calls_get_an_idle_connection_each() {
        assert_eq!(settled(&[1, 0, 1], Size::Small), (1, false));
        assert_eq!(settled(&[2, 1, 2], Size::Small), (1, true));
        assert_eq!(settled(&[2, 0, 3], Size::Batch), (1, false));
        assert_eq!(settled(&[2, 1, 3], Size::Large), (1, true));
    }

    #[test]
    fn many_calls_go_together() {
        assert_eq!(settled(&[64, 0, 0], Size::Small), (0, false));
        assert_eq!(settled(&[6, 5, 6, 6, 0], Size::Batch), (1, false));
        assert_eq!(settled(&[16], Size::Batch), (0, true));
    }

    #[test]
    fn a_large_call_goes_where_nobody_waits() {
        assert_eq!(settled(&[64, 0], Size::Large), (1, false));
        assert_eq!(settled(&[64, 1], Size::Large), (1, true));
    }

    #[test]
    fn small_calls_stay_off_the_connections_of_large_ones() {
        assert_eq!(settled(&[101, 1, 2], Size::Small), (1, true));
        assert_eq!(settled(&[101, 64, 0], Size::Small), (1, false));
        assert_eq!(settled(&[164, 101], Size::Small), (1, true), "there is no other");
    }

    #[test]
    fn a_moment_of_many_scatters_nothing() {
        let choice = Choice::default();
        let choose = |load| {
            let loads = [load, 0].into_iter().map(|load| Busy { load, bulky: false });
            choice.choose_by_load(loads, Size::Small).place
        };
        for _ in 0..1000 {
            choose(2);
        }
        assert_eq!(choose(40), 1);
    }
}
