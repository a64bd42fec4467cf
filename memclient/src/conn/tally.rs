//! What came of the requests whose callers did not wait.
//!
//! The connection counts each answer as it comes, under its own lock, where nobody may be woken or
//! told anything. So what is to be told is noted, and the tally itself is woken like a caller: that
//! happens outside the lock, and there it tells the observer and those who wait for the end.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Wake, Waker},
};

use tokio::sync::Notify;

use crate::{
    error::Error,
    events::{Event, Observed},
    proto::Reply,
};

/// The most failures that wait to be told; more at once are counted and not told.
const MAX_UNTOLD: usize = 64;

/// Counts the requests of one client whose callers did not wait.
pub(crate) struct Tally {
    observed: Observed,
    state: Mutex<State>,
    /// Those who wait for the end do so one after the other.
    turn: tokio::sync::Mutex<()>,
    settled: Notify,
}

/// How many requests there were since somebody last waited for the end, and what came of them.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Settled {
    /// How many were sent.
    pub sent: u64,
    /// How many of them the server refused, or were under way when their connection was lost.
    pub failed: u64,
}

#[derive(Default)]
struct State {
    /// Requests go to one half of the books until somebody waits for its end; then to the other.
    halves: [Half; 2],
    current: usize,
    /// What was settled for one who then did not wait.
    carried: Settled,
    /// How many failed, ever.
    failures: u64,
    untold: Vec<Error>,
    waiting: usize,
}

#[derive(Clone, Copy, Default)]
struct Half {
    settled: Settled,
    outstanding: u64,
}

impl Tally {
    pub(crate) fn new(observed: Observed) -> Arc<Self> {
        let turn = tokio::sync::Mutex::default();
        Arc::new(Self { observed, state: Mutex::default(), turn, settled: Notify::new() })
    }

    /// Notes that so many requests are on their way.
    pub(crate) fn begin(self: &Arc<Self>, count: usize) -> Receipt {
        let mut state = self.state();
        let current = state.current;
        if let Some(half) = state.halves.get_mut(current) {
            half.settled.sent += count as u64;
            half.outstanding += count as u64;
        }
        drop(state);
        Receipt { tally: Arc::clone(self), half: current, count }
    }

    /// Returns how many failed, ever.
    pub(crate) fn failures(&self) -> u64 {
        self.state().failures
    }

    /// Waits until every request that was begun before is answered, and returns what came of those
    /// since the last wait.
    ///
    /// Dropping the future leaves the count to the next one who waits.
    pub(crate) async fn settle(&self) -> Settled {
        let _turn = self.turn.lock().await;
        let _waiting = Waiting::begin(self);
        // One who left may have left the other half unsettled.
        self.other_is_settled().await;
        {
            let mut state = self.state();
            state.carry();
            state.current ^= 1;
        }
        self.other_is_settled().await;
        let mut state = self.state();
        state.carry();
        std::mem::take(&mut state.carried)
    }

    async fn other_is_settled(&self) {
        loop {
            let mut settled = std::pin::pin!(self.settled.notified());
            settled.as_mut().enable();
            if self.state().other().is_none_or(|half| half.outstanding == 0) {
                return;
            }
            settled.await;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wake for Tally {
    fn wake(self: Arc<Self>) {
        let untold = std::mem::take(&mut self.state().untold);
        for error in &untold {
            self.observed.tell(&Event::UnconfirmedFailed { error });
        }
        self.settled.notify_waiters();
    }
}

impl State {
    fn other(&mut self) -> Option<&mut Half> {
        self.halves.get_mut(self.current ^ 1)
    }

    /// Sets aside what the other half came to.
    fn carry(&mut self) {
        let settled = self.other().map(|half| std::mem::take(&mut half.settled));
        let Settled { sent, failed } = settled.unwrap_or_default();
        self.carried.sent += sent;
        self.carried.failed += failed;
    }
}

/// Has those who are answered look for one who waits.
struct Waiting<'a>(&'a Tally);

impl<'a> Waiting<'a> {
    fn begin(tally: &'a Tally) -> Self {
        tally.state().waiting += 1;
        Self(tally)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.state().waiting -= 1;
    }
}

/// Some requests that a tally counts.
pub(crate) struct Receipt {
    tally: Arc<Tally>,
    half: usize,
    count: usize,
}

impl Receipt {
    /// Returns how many requests they were.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// Counts one reply; `wakers` gets the tally where there is somebody to tell.
    pub(super) fn note(&self, reply: Reply, wakers: &mut Vec<Waker>) {
        match reply {
            Reply::Refused(refusal) => self.fail(1, &refusal.into(), wakers),
            _ => self.settle(1, None, wakers),
        }
    }

    /// Counts so many requests as failed.
    pub(super) fn fail(&self, count: usize, error: &Error, wakers: &mut Vec<Waker>) {
        self.settle(count, Some(error), wakers);
    }

    fn settle(&self, count: usize, error: Option<&Error>, wakers: &mut Vec<Waker>) {
        let mut state = self.tally.state();
        let count = count as u64;
        if let Some(error) = error {
            state.failures += count;
            if state.untold.len() < MAX_UNTOLD {
                state.untold.push(error.clone());
            }
        }
        let waiting = state.waiting > 0;
        let Some(half) = state.halves.get_mut(self.half) else { return };
        half.outstanding = half.outstanding.saturating_sub(count);
        if error.is_some() {
            half.settled.failed += count;
        }
        if error.is_some() || waiting && half.outstanding == 0 {
            wakers.push(Waker::from(Arc::clone(&self.tally)));
        }
    }
}

impl fmt::Debug for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tally").field("failures", &self.failures()).finish_non_exhaustive()
    }
}

impl fmt::Debug for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receipt").field("count", &self.count).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::{
        future::Future,
        pin::pin,
        sync::atomic::{AtomicUsize, Ordering},
        task::{Context, Poll},
    };

    use super::*;
    use crate::error::Delivery;

    fn done(receipt: &Receipt) {
        let mut wakers = Vec::new();
        receipt.note(Reply::Item(None), &mut wakers);
        wakers.into_iter().for_each(Waker::wake);
    }

    fn fail(receipt: &Receipt, count: usize) {
        let mut wakers = Vec::new();
        receipt.fail(count, &Error::closed(Delivery::Unknown, None), &mut wakers);
        wakers.into_iter().for_each(Waker::wake);
    }

    fn poll(future: std::pin::Pin<&mut impl Future<Output = Settled>>) -> Poll<(u64, u64)> {
        future
            .poll(&mut Context::from_waker(Waker::noop()))
            .map(|Settled { sent, failed }| (sent, failed))
    }

    #[test]
    fn it_ends_when_what_was_begun_before_is_answered() {
        let tally = Tally::new(Observed::default());
        let (first, second) = (tally.begin(2), tally.begin(1));
        let mut settled = pin!(tally.settle());
        assert!(poll(settled.as_mut()).is_pending());
        let later = tally.begin(1);
        done(&later);
        done(&first);
        fail(&second, 1);
        assert!(poll(settled.as_mut()).is_pending());
        done(&first);
        assert_eq!(poll(settled.as_mut()), Poll::Ready((3, 1)));
        assert_eq!(poll(pin!(tally.settle())), Poll::Ready((1, 0)));
        assert_eq!(poll(pin!(tally.settle())), Poll::Ready((0, 0)));
        assert_eq!(tally.failures(), 1);
    }

    #[test]
    fn who_does_not_wait_to_the_end_leaves_the_count_to_the_next() {
        let tally = Tally::new(Observed::default());
        let first = tally.begin(1);
        {
            let mut left = pin!(tally.settle());
            assert!(poll(left.as_mut()).is_pending());
        }
        let second = tally.begin(1);
        fail(&second, 1);
        let mut settled = pin!(tally.settle());
        assert!(poll(settled.as_mut()).is_pending());
        done(&first);
        assert_eq!(poll(settled.as_mut()), Poll::Ready((2, 1)));
    }

    #[test]
    fn failures_are_told() {
        let told = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&told);
        let tally = Tally::new(Observed::by(move |_: &Event<'_>| {
            counter.fetch_add(1, Ordering::Relaxed);
        }));
        let receipt = tally.begin(3);
        fail(&receipt, 2);
        done(&receipt);
        assert_eq!(told.load(Ordering::Relaxed), 1, "once for what failed together");
        assert_eq!(tally.failures(), 2);
    }
}
