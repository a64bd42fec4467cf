//! Moves bytes for all callers of a connection.
//!
//! After a read has given answers to several callers, most of them are about to ask for more; and
//! the first caller to wake a sleeping driver is seldom the last. The driver then goes to the end of
//! the line of runnable tasks, as long as that brings it more requests, and writes them in one go.
//! Without that each of them would cause a write of its own, and so the server's answers would come
//! one by one. While batches are under way it may also stay awake for their answers.

use std::{
    future::poll_fn,
    io,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Instant,
};

use tokio::task::yield_now;

use super::{
    busy_poll::{BusyPoll, Polling},
    machine::CloseReason,
    shared::{Mover, Shared},
};
use crate::clock::now;

/// How often one poll may go around before other tasks get their turn.
const ROUNDS: usize = 16;

/// How often the driver lets others go first, at most, before it writes.
const TURNS: u32 = 8;

/// The task behind a connection. Ends when the connection is closed, or when nobody can use it any
/// more.
pub(super) struct Driver {
    shared: Arc<Shared>,
    wakers: Vec<Waker>,
    deferring: Option<Deferring>,
    /// False when it has slept since the last round.
    awake: bool,
    /// Whether the socket took less than there is to write.
    stuck: bool,
    /// Whether the reactor wakes the driver when there is something to read: at how many calls the
    /// driver asked it to. A call since then may have moved things itself for a moment, and so have
    /// taken the reactor's attention.
    listening: Option<u64>,
    /// `None` where no operating system is waited for.
    busy_poll: Option<&'static BusyPoll>,
    /// Whether it stays awake for the answers to batches.
    polling: Option<Polling>,
}

/// A write that waits for other callers to join in.
struct Deferring {
    /// The number of calls at which it waits no longer.
    until: u64,
    /// The number of calls at the last look.
    seen: u64,
    turns: u32,
}

impl Deferring {
    fn new(enqueued: u64, until: u64) -> Self {
        Self { until, seen: enqueued, turns: 0 }
    }

    /// Says whether to wait for another turn.
    fn goes_on(&mut self, enqueued: u64) -> bool {
        let first = self.turns == 0;
        let brought = enqueued > std::mem::replace(&mut self.seen, enqueued);
        self.turns += 1;
        enqueued < self.until && self.turns <= TURNS && (first || brought)
    }
}

enum Round {
    /// Something moved; more may.
    Moved,
    /// Others go first.
    Defer,
    /// Nothing moves until somebody wakes the driver.
    Rest,
    End(CloseReason),
}

impl Driver {
    pub(super) fn new(shared: Arc<Shared>, busy_poll: Option<&'static BusyPoll>) -> Self {
        Self {
            shared,
            wakers: Vec::new(),
            deferring: None,
            awake: true,
            stuck: false,
            listening: None,
            busy_poll,
            polling: None,
        }
    }

    /// Moves bytes until the connection ends.
    pub(super) async fn run(mut self) {
        while poll_fn(|cx| self.poll_move(cx)).await {
            yield_now().await;
        }
    }

    /// Moves bytes until somebody is to wake the driver; ready, with true, where it looks again without
    /// that, once others had their turn, and with false at the end of the connection.
    fn poll_move(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        for _ in 0..ROUNDS {
            match self.round(cx) {
                Round::Moved => {}
                Round::Defer => break,
                Round::Rest => {
                    self.awake = false;
                    return if self.polling.is_some() { Poll::Ready(true) } else { Poll::Pending };
                }
                Round::End(reason) => {
                    self.shared.close(reason);
                    return Poll::Ready(false);
                }
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn round(&mut self, cx: &mut Context<'_>) -> Round {
        {
            let mut state = self.shared.state();
            let slept = !std::mem::replace(&mut self.awake, true);
            state.parked = false;
            state.know_driver(cx.waker());
            if state.is_over() || state.machine.is_closed() {
                return Round::End(CloseReason::Lost(None));
            }
            let enqueued = state.machine.enqueued();
            if slept && state.machine.has_output() {
                self.deferring = Some(Deferring::new(enqueued, u64::MAX));
            }
            if let Some(deferring) = &mut self.deferring {
                if deferring.goes_on(enqueued) {
                    return Round::Defer;
                }
                self.deferring = None;
            }
        }
        match self.advance(cx) {
            Ok(true) if self.deferring.is_some() => Round::Defer,
            Ok(true) => Round::Moved,
            Ok(false) => self.rest(),
            Err(reason) => Round::End(reason),
        }
    }

    /// Writes and reads once; true when anything was read.
    fn advance(&mut self, cx: &mut Context<'_>) -> Result<bool, CloseReason> {
        self.listening = None;
        let mut io = self.shared.io();
        let enqueued = {
            let mut state = self.shared.state();
            if let Mover::Caller(_) = state.mover {
                // Reading here would take the reactor's attention from the caller.
                return Ok(false);
            }
            if io.is_written() && state.machine.has_output() {
                let out = state.machine.take_output(io.take_empty());
                io.write_next(out);
            }
            state.machine.enqueued()
        };
        // A write that is stuck is no reason not to read: the server may be stuck until we do.
        self.stuck = match io.poll_write(cx) {
            Poll::Ready(Err(error)) => return Err(CloseReason::Lost(Some(error))),
            Poll::Ready(Ok(())) => false,
            Poll::Pending => true,
        };
        let read = match io.poll_read(cx) {
            Poll::Pending => {
                self.listening = Some(enqueued);
                return Ok(false);
            }
            Poll::Ready(read) => CloseReason::unless_read(read)?,
        };
        let (handled, room) = {
            let mut state = self.shared.state();
            if let Some(busy_poll) = self.busy_poll
                && state.machine.awaits_batch()
            {
                busy_poll.note(read, Instant::now());
            }
            let handled = state.machine.handle_bytes(&mut io.reading, &mut self.wakers);
            let answered = self.wakers.len() as u64;
            if answered == 1 && state.machine.is_quiet() {
                // The only caller, who moves its next request itself.
                state.mover = Mover::Nobody;
            } else if answered > 0 {
                let enqueued = state.machine.enqueued();
                self.deferring = Some(Deferring::new(enqueued, enqueued + answered));
            }
            if self.shared.note_rest(io.reading.len()) {
                // Those behind it may have a better place to go to.
                state.machine.wake_all(&mut self.wakers);
            }
            (handled, state.machine.take_refused())
        };
        drop(io);
        self.wakers.drain(..).for_each(Waker::wake);
        if room {
            self.shared.room.notify_waiters();
        }
        handled.map(|()| true).map_err(CloseReason::OutOfStep)
    }

    /// Goes to sleep, unless something has happened meanwhile or a deadline has passed. For answers that
    /// come soon it looks again by itself; whoever has something for it wakes it all the same.
    fn rest(&mut self) -> Round {
        let polling = self.polling.take();
        let mut state = self.shared.state();
        if let Mover::Caller(_) = state.mover {
            state.parked = true;
            return Round::Rest;
        }
        if self.listening != Some(state.machine.enqueued()) || state.is_over() {
            // A caller may have moved things until just now, and then nobody listens.
            return Round::Moved;
        }
        if state.machine.is_quiet() {
            state.mover = Mover::Nobody;
        } else if state.machine.has_output() && !self.stuck {
            return Round::Moved;
        }
        let overdue = std::mem::take(&mut state.overdue);
        if overdue && state.machine.deadline().is_some_and(|deadline| deadline <= now()) {
            return Round::End(CloseReason::Stalled);
        }
        if state.machine.awaits_batch() {
            let now = Instant::now();
            self.polling = match polling {
                Some(polling) => polling.goes_on(now),
                None => self.busy_poll.and_then(|busy_poll| busy_poll.begin(now)),
            };
        }
        state.parked = true;
        Round::Rest
    }
}

impl Drop for Driver {
    /// A runtime that shuts down drops its tasks: whoever waits must hear of it.
    fn drop(&mut self) {
        self.shared.close(CloseReason::Lost(None::<io::Error>));
    }
}

#[cfg(test)]
#[cfg(not(shuttle))]
mod tests {
    use std::time::Duration;

    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex},
        time::{sleep, timeout},
    };

    use super::{
        super::{machine::Ask, shared::ConnectionOptions},
        *,
    };
    use crate::{
        net::Stream,
        proto::{WireKey, command::Get},
    };

    /// Has a driver, on a machine where polling pays, ask a server for so many values at once.
    async fn ask(values: usize) -> (Arc<Shared>, &'static BusyPoll, DuplexStream) {
        let (near, mut server) = duplex(64 * 1024);
        let options = ConnectionOptions { max_value: 1024, max_in_flight: 64 * 1024 };
        let shared = Arc::new(Shared::new(Stream::Simulated(Box::new(near)), options));
        let (busy_poll, _) = BusyPoll::learnt();
        tokio::spawn(Driver::new(Arc::clone(&shared), Some(busy_poll)).run());
        let keys: Vec<_> = (0..values).map(|key| format!("{key}")).collect();
        let keys: Vec<_> = keys.iter().map(|key| WireKey::bare(key)).collect();
        let deadline = now() + Duration::from_secs(3600);
        let driver = {
            let mut state = shared.state();
            state.machine.enqueue(Ask::<Get<'_>>::Values(&keys), 0, deadline, false).unwrap();
            state.rouse_driver()
        };
        driver.into_iter().for_each(Waker::wake);
        let mut asked = Vec::new();
        while !asked.ends_with(b"\r\n") {
            server.read_buf(&mut asked).await.unwrap();
        }
        (shared, busy_poll, server)
    }

    #[tokio::test]
    async fn for_the_answers_to_a_batch_it_polls_for_a_while() {
        let (shared, busy_poll, mut server) = ask(40).await;
        let gives_up = async {
            while busy_poll.looks() != (1, false) {
                sleep(Duration::from_millis(1)).await;
            }
        };
        timeout(Duration::from_secs(10), gives_up).await.unwrap();
        for key in 0..40 {
            server.write_all(format!("VALUE {key} 0 1\r\nx\r\n").as_bytes()).await.unwrap();
        }
        server.write_all(b"END\r\n").await.unwrap();
        let is_answered = async {
            while !shared.state().machine.is_quiet() {
                sleep(Duration::from_millis(1)).await;
            }
        };
        timeout(Duration::from_secs(10), is_answered).await.unwrap();
        assert!(!busy_poll.looks().1, "polls for nothing");
    }

    #[tokio::test]
    async fn for_the_answers_to_others_it_sleeps() {
        let (_shared, busy_poll, _server) = ask(4).await;
        sleep(Duration::from_millis(10)).await;
        assert_eq!(busy_poll.looks(), (0, false));
    }
}
