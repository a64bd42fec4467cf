//! When a node that could not be reached may be dialed again. Nothing else decides that.

use std::time::{Duration, Instant};

/// The first pause, and the longest: a node that is back is found within it.
const FIRST: Duration = Duration::from_millis(25);
const LONGEST: Duration = Duration::from_millis(200);

/// Doubling pauses with jitter, so that the clients of a fleet do not come back in step.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    pause: Duration,
    until: Option<Instant>,
}

impl Backoff {
    /// Says whether a dial would come too early.
    pub(super) fn holds(&self, now: Instant) -> bool {
        self.until.is_some_and(|until| now < until)
    }

    /// Begins the next pause, and returns when it ends.
    pub(super) fn failed(&mut self, now: Instant) -> Instant {
        self.pause = (self.pause * 2).clamp(FIRST, LONGEST);
        let until = now + self.pause.mul_f64(0.5 + fastrand::f64() / 2.0);
        self.until = Some(until);
        until
    }

    pub(super) fn succeeded(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_the_longest_and_end_with_success() {
        let now = Instant::now();
        let mut backoff = Backoff::default();
        assert!(!backoff.holds(now));
        for _ in 0..10 {
            backoff.failed(now);
            assert!(backoff.holds(now + FIRST / 3));
            assert!(!backoff.holds(now + LONGEST));
        }
        assert!(backoff.holds(now + LONGEST / 3), "the longest pause is at least half of itself");
        backoff.succeeded();
        assert!(!backoff.holds(now));
    }
}
