use std::{
    fmt,
    future::Future,
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Instant,
};

use super::{
    busy_poll::BusyPoll,
    driver::Driver,
    io::Io,
    machine::{Ask, CloseReason},
    replies::Replies,
    shared::{ConnectionOptions, Mover, Shared, State},
    slots::Ticket,
    sync::{MutexGuard, Ordering, Sleep, sleep_until},
    tally::Receipt,
    watch::{TICK, Watch},
};
use crate::{
    error::{Delivery, Error, Result, Step},
    net::Stream,
    proto::{OutOfStep, Request},
};

/// A connection that callers share. The last handle that is dropped ends it, once what is under way
/// is answered.
pub(crate) struct Connection {
    pub(super) shared: Arc<Shared>,
    watch: &'static Watch,
}

impl Connection {
    /// Takes the stream over; its driver runs on the present runtime.
    ///
    /// # Errors
    /// When the system refuses the thread that keeps the deadlines.
    pub(crate) fn spawn(stream: Stream, options: ConnectionOptions) -> io::Result<Self> {
        let (connection, driver) = Self::new(stream, options, Watch::get()?);
        // The task ends by itself when the last handle is gone, and with the runtime at the latest.
        tokio::spawn(driver.run());
        Ok(connection)
    }

    pub(super) fn new(
        stream: Stream,
        options: ConnectionOptions,
        watch: &'static Watch,
    ) -> (Self, Driver) {
        let busy_poll = stream.is_of_system().then(BusyPoll::of_process);
        let shared = Arc::new(Shared::new(stream, options));
        let driver = Driver::new(Arc::clone(&shared), busy_poll);
        (Self { shared, watch }, driver)
    }

    /// Puts on its way what a caller asks for, of about so many bytes; `None` where there is no
    /// room for it now, and [`Connection::send_when_room`] is to be awaited. What is `large` makes
    /// the connection bulky until it is answered. A `waker` is that of a task that polls the
    /// result before it returns, which saves the first look.
    ///
    /// A server that leaves it unanswered beyond the deadline loses the connection: nobody has to
    /// keep time for the result.
    ///
    /// # Errors
    /// When the connection is closed: nothing was sent.
    pub(crate) fn send<R: Request>(
        &self,
        ask: Ask<'_, R>,
        bytes: usize,
        large: bool,
        deadline: Instant,
        waker: Option<&Waker>,
    ) -> Result<Option<InFlight>> {
        if self.shared.waiting.load(Ordering::Acquire) > 0 {
            return Ok(None);
        }
        self.try_send(ask, bytes, large, deadline, waker)
    }

    /// Waits for room, in the order of arrival, and puts on its way what a caller asks for.
    ///
    /// Dropping the future gives the place in line up.
    ///
    /// # Errors
    /// When the connection is closed: nothing was sent.
    pub(crate) async fn send_when_room<R: Request>(
        &self,
        ask: Ask<'_, R>,
        bytes: usize,
        large: bool,
        deadline: Instant,
    ) -> Result<InFlight> {
        let _waiting = Waiting::begin(&self.shared);
        let _turn = self.shared.turn.lock().await;
        loop {
            let mut room = std::pin::pin!(self.shared.room.notified());
            room.as_mut().enable();
            if let Some(flight) = self.try_send(ask, bytes, large, deadline, None)? {
                return Ok(flight);
            }
            room.await;
        }
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.shared.is_closed()
    }

    /// Returns how many calls await their answer.
    pub(crate) fn load(&self) -> usize {
        self.shared.load()
    }

    /// Says whether anything large is under way, in either direction, that keeps others waiting.
    pub(crate) fn is_bulky(&self) -> bool {
        self.shared.is_bulky()
    }

    /// Says whether there was a call since this was asked last, or one is under way.
    pub(crate) fn was_used(&self) -> bool {
        self.shared.state().was_used()
    }

    fn try_send<R: Request>(
        &self,
        ask: Ask<'_, R>,
        bytes: usize,
        large: bool,
        deadline: Instant,
        waker: Option<&Waker>,
    ) -> Result<Option<InFlight>> {
        let mut state = self.shared.state();
        let alone = state.mover == Mover::Nobody;
        // Callers of several threads overtake each other by microseconds all the time, for which a
        // timer would be too much.
        let is_overtaken = state.machine.has_later_than(deadline + TICK);
        let Some(ticket) = state.machine.enqueue(ask, bytes, deadline, alone)? else {
            // Whoever moves things may be in no hurry to read, or be the one who now waits for room.
            let driver = match state.mover {
                Mover::Caller(_) => state.hand_to_driver(),
                Mover::Nobody | Mover::Driver => None,
            };
            drop(state);
            wake(driver);
            return Ok(None);
        };
        self.shared.add_load(&mut state, large);
        // Who moves bytes or keeps time itself has something to do when first polled.
        let only_waits = !alone && !is_overtaken;
        let heeded = only_waits && waker.is_some_and(|waker| state.machine.heed(ticket, waker));
        let flight = InFlight {
            shared: Arc::clone(&self.shared),
            ticket: Some(ticket),
            large,
            heeded,
            own_time: is_overtaken.then(|| Box::pin(sleep_until(deadline.into()))),
        };
        let watched = std::mem::replace(&mut state.watched, true);
        let driver = if alone {
            state.mover = Mover::Caller(ticket);
            None
        } else {
            state.hand_to_driver()
        };
        drop(state);
        if !watched {
            self.watch.add(&self.shared);
        }
        wake(driver);
        if alone {
            flight.write(ticket);
        }
        Ok(Some(flight))
    }
}

impl Clone for Connection {
    fn clone(&self) -> Self {
        self.shared.add_handle();
        Self { shared: Arc::clone(&self.shared), watch: self.watch }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.shared.remove_handle();
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("load", &self.load()).finish_non_exhaustive()
    }
}

fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}

/// Keeps those who come later behind those who wait for room.
struct Waiting<'a>(&'a Shared);

impl<'a> Waiting<'a> {
    fn begin(shared: &'a Shared) -> Self {
        shared.waiting.fetch_add(1, Ordering::AcqRel);
        Self(shared)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::AcqRel);
    }
}

/// The answer to a call that is under way. Dropping it costs nobody else anything: the answer is
/// read and thrown away when it comes.
pub(crate) struct InFlight {
    shared: Arc<Shared>,
    ticket: Option<Ticket>,
    large: bool,
    /// Whether it was known from the beginning whom to wake, so that the first poll has nothing to do.
    heeded: bool,
    /// The time of a call that was tried before or waited for room, and now stands behind calls that
    /// may take longer than it. Nobody else would notice its end.
    own_time: Option<Pin<Box<Sleep>>>,
}

impl InFlight {
    /// Says whether the answer may still come, also where the time for it is up.
    pub(crate) fn is_under_way(&self) -> bool {
        self.ticket.is_some()
    }

    /// Says whether a large reply to somebody else is arriving before the answer.
    pub(crate) fn is_behind_large(&self) -> bool {
        self.shared.is_arriving()
            && self.ticket.is_some_and(|ticket| !self.shared.state().machine.is_next(ticket))
    }

    /// Returns why the call has failed, if it has by now; it is over then.
    pub(crate) fn take_failure(&mut self) -> Option<Error> {
        let mut state = self.shared.state();
        let failure = state.machine.take_failure(self.ticket?)?;
        self.shared.remove_load(&mut state, self.large);
        self.ticket = None;
        Some(failure)
    }

    /// Leaves the answer to the connection, which counts with the receipt whether it is a failure.
    pub(crate) fn leave(mut self, receipt: Receipt) {
        let Some(ticket) = self.ticket.take() else { return };
        let mut wakers = Vec::new();
        let driver = {
            let mut state = self.shared.state();
            state.machine.abandon_to(ticket, receipt, &mut wakers);
            self.shared.remove_load(&mut state, self.large);
            state.release(ticket)
        };
        wake(driver);
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Writes the request of the only caller, without a task between; what does not go through at
    /// once is the driver's.
    fn write(&self, ticket: Ticket) {
        match self.try_write(ticket) {
            Ok(true) => {}
            Ok(false) => {
                let driver = self.shared.state().hand_to_driver();
                wake(driver);
            }
            Err(reason) => self.shared.close(reason),
        }
    }

    /// Says whether everything was written, or is somebody else's to write.
    fn try_write(&self, ticket: Ticket) -> Result<bool, CloseReason> {
        let mut io = self.shared.io();
        {
            let mut state = self.shared.state();
            if state.mover != Mover::Caller(ticket) {
                return Ok(true);
            }
            // While nobody had anything under way, nobody was reading. An end of the stream, or bytes
            // that nobody asked for, must come to light before the request is out.
            if let Poll::Ready(read) = io.read_now() {
                CloseReason::unless_read(read)?;
                let complaint = OutOfStep::new("bytes that nobody asked for", &io.reading);
                return Err(CloseReason::OutOfStep(complaint));
            }
            let out = state.machine.take_output(io.take_empty());
            io.write_next(out);
        }
        match io.poll_write(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Ok(())) => Ok(true),
            Poll::Ready(Err(error)) => Err(CloseReason::Lost(Some(error))),
            Poll::Pending => Ok(false),
        }
    }

    /// Takes the replies, if they are there; the call is over then.
    #[inline]
    fn take_replies(
        &self,
        state: &mut State,
        ticket: Ticket,
        cx: &Context<'_>,
    ) -> Poll<Result<Replies>> {
        let polled = state.machine.poll_replies(ticket, cx.waker());
        if polled.is_ready() {
            self.shared.remove_load(state, self.large);
        }
        polled
    }

    /// Looks for the replies, and reads them where nobody else does.
    #[inline]
    fn poll_ticket(&self, ticket: Ticket, cx: &mut Context<'_>) -> Poll<Result<Replies>> {
        let mut state = self.shared.state();
        if state.mover == Mover::Caller(ticket) {
            // As long as the state is locked, nobody takes over.
            let io = self.shared.try_io();
            drop(state);
            if let Some(io) = io.or_else(|| self.io_in_turn(ticket)) {
                let polled = self.poll_read(ticket, io, cx);
                if polled.is_ready() {
                    return polled;
                }
            }
            // Whoever takes over from now on gives the replies to the slot and wakes whom that knows.
            state = self.shared.state();
        }
        let polled = self.take_replies(&mut state, ticket, cx);
        let driver = if polled.is_ready() { state.release(ticket) } else { None };
        drop(state);
        wake(driver);
        polled
    }

    /// Returns the stream after whoever has it now; `None` where somebody else moves it by then.
    fn io_in_turn(&self, ticket: Ticket) -> Option<MutexGuard<'_, Io>> {
        let io = self.shared.io();
        let moves = self.shared.state().mover == Mover::Caller(ticket);
        moves.then_some(io)
    }

    /// Reads for the only caller until its reply is there, or another caller has come and the
    /// driver reads for both.
    fn poll_read(
        &self,
        ticket: Ticket,
        mut io: MutexGuard<'_, Io>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Replies>> {
        let mut wakers = Vec::new();
        let (polled, driver, room) = loop {
            // Whoever takes over from here on has to wait for the stream, and then is the one whom
            // the reactor wakes.
            let Poll::Ready(read) = io.poll_read(cx) else { break (Poll::Pending, None, false) };
            let mut state = self.shared.state();
            state.machine.hush(ticket);
            let moved = CloseReason::unless_read(read).and_then(|_| {
                let handled = state.machine.handle_bytes(&mut io.reading, &mut wakers);
                if self.shared.note_rest(io.reading.len()) {
                    state.machine.wake_all(&mut wakers);
                }
                handled.map_err(CloseReason::OutOfStep)
            });
            if let Err(reason) = moved {
                drop(state);
                drop(io);
                wakers.into_iter().for_each(Waker::wake);
                self.shared.close(reason);
                return self.take_replies(&mut self.shared.state(), ticket, cx);
            }
            let polled = self.take_replies(&mut state, ticket, cx);
            if polled.is_pending() && state.machine.has_output() {
                // What was not found is asked for again.
                let driver = state.hand_to_driver();
                break (polled, driver, false);
            }
            if polled.is_ready() {
                let room = state.machine.take_refused();
                break (polled, state.release(ticket), room);
            }
            if state.mover != Mover::Caller(ticket) {
                break (polled, None, false);
            }
        };
        drop(io);
        wake(driver);
        wakers.into_iter().for_each(Waker::wake);
        if room {
            self.shared.room.notify_waiters();
        }
        polled
    }
}

impl Future for InFlight {
    type Output = Result<Replies>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<Replies>> {
        let Some(ticket) = self.ticket else {
            return Poll::Ready(Err(Error::closed(Delivery::Unknown, None)));
        };
        if std::mem::take(&mut self.heeded) {
            return Poll::Pending;
        }
        let polled = self.poll_ticket(ticket, cx);
        if polled.is_ready() {
            self.ticket = None;
            return polled;
        }
        if self.own_time.as_mut().is_none_or(|time| time.as_mut().poll(cx).is_pending()) {
            return Poll::Pending;
        }
        self.own_time = None;
        Poll::Ready(Err(Error::timeout(Step::Reply, Delivery::Unknown)))
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        let Some(ticket) = self.ticket.take() else { return };
        let driver = {
            let mut state = self.shared.state();
            state.machine.abandon(ticket);
            self.shared.remove_load(&mut state, self.large);
            // Somebody must read the reply that will come.
            state.release(ticket)
        };
        wake(driver);
    }
}

#[cfg(all(test, not(shuttle)))]
mod tests {
    use std::time::Duration;

    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

    use super::*;
    use crate::{
        clock::now,
        net::simulated::SimulatedStream,
        proto::{Reply, command::Version},
    };

    impl SimulatedStream for DuplexStream {}

    #[tokio::test(start_paused = true)]
    async fn who_stands_behind_those_with_more_time_ends_in_its_own() {
        Watch::stand_in(true);
        let (near, mut server) = duplex(1024);
        let options = ConnectionOptions { max_value: 1024, max_in_flight: 1024 };
        let connection = Connection::spawn(Stream::Simulated(Box::new(near)), options).unwrap();
        let send = |seconds| {
            let deadline = now() + Duration::from_secs(seconds);
            connection.send(Ask::Run(&[Version]), 0, false, deadline, None).unwrap().unwrap()
        };
        let (patient, hasty, third) = (send(60), send(1), send(60));

        let error = hasty.await.unwrap_err();

        assert!(error.is_timeout(), "{error}");
        assert!(!connection.is_closed(), "the others have time yet");
        let mut asked = [0; 27];
        server.read_exact(&mut asked).await.unwrap();
        server.write_all(&b"VERSION 1\r\nVERSION 2\r\nVERSION 3\r\n"[..]).await.unwrap();
        for (flight, version) in [(patient, "VERSION 1"), (third, "VERSION 3")] {
            match flight.await.unwrap() {
                Replies::One(Reply::Line(line)) => assert_eq!(line, version),
                replies => panic!("{replies:?}"),
            }
        }
    }
}
