//! Moves bytes between a stream and its machine: the only loop that awaits a socket.

use std::{
    future::Future,
    io,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll, Waker},
};

use bytes::BytesMut;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::{Sleep, sleep_until},
};

use super::{machine::CloseReason, shared::Shared};
use crate::net::Stream;

/// How much is read at once; values are slices of what was read.
const READ_CHUNK: usize = 64 * 1024;

/// How often one poll may go around before other tasks get their turn.
const ROUNDS: usize = 32;

/// The task behind a connection. Ends when the connection is closed, or when nobody can use it any
/// more.
pub(super) struct Driver {
    shared: Arc<Shared>,
    stream: Stream,
    reading: BytesMut,
    writing: BytesMut,
    timer: Pin<Box<Sleep>>,
    wakers: Vec<Waker>,
}

impl Driver {
    pub(super) fn new(shared: Arc<Shared>, stream: Stream) -> Self {
        Self {
            shared,
            stream,
            reading: BytesMut::new(),
            writing: BytesMut::new(),
            timer: Box::pin(sleep_until(tokio::time::Instant::now())),
            wakers: Vec::new(),
        }
    }

    /// Goes around once; `Ready` carries why the connection ends, or `None` where another round may
    /// bring more.
    fn round(&mut self, cx: &mut Context<'_>) -> Poll<Option<CloseReason>> {
        {
            let mut machine = self.shared.machine();
            machine.park_driver(cx.waker());
            if self.writing.is_empty() && machine.has_output() {
                self.writing = machine.take_output();
            }
            if self.shared.is_unused() && machine.in_flight() == 0 {
                return Poll::Ready(Some(CloseReason::Lost(None)));
            }
        }
        let wrote = match self.write(cx) {
            Poll::Ready(Err(error)) => return Poll::Ready(Some(CloseReason::Lost(Some(error)))),
            Poll::Ready(Ok(())) => true,
            Poll::Pending => false,
        };
        let read = match self.read(cx) {
            Poll::Ready(Err(reason)) => return Poll::Ready(Some(reason)),
            Poll::Ready(Ok(())) => true,
            Poll::Pending => false,
        };
        if wrote || read {
            return Poll::Ready(None);
        }
        self.watch_deadline(cx).map(Some)
    }

    fn write(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.writing.is_empty() {
            return Poll::Pending;
        }
        let count = match pin!(self.stream.write_buf(&mut self.writing)).poll(cx) {
            Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
            Poll::Ready(Ok(count)) => count,
            Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
            Poll::Pending => return Poll::Pending,
        };
        self.shared.machine().handle_written(count);
        Poll::Ready(Ok(()))
    }

    fn read(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), CloseReason>> {
        if self.reading.capacity() - self.reading.len() < READ_CHUNK / 8 {
            // Doubling keeps the copying of a large value in proportion to what has really arrived
            // of it.
            self.reading.reserve(READ_CHUNK.max(self.reading.len()));
        }
        match pin!(self.stream.read_buf(&mut self.reading)).poll(cx) {
            Poll::Ready(Ok(0)) => return Poll::Ready(Err(CloseReason::Lost(None))),
            Poll::Ready(Ok(_)) => {}
            Poll::Ready(Err(error)) => return Poll::Ready(Err(CloseReason::Lost(Some(error)))),
            Poll::Pending => return Poll::Pending,
        }
        let handled = self.shared.machine().handle_bytes(&mut self.reading, &mut self.wakers);
        self.wake();
        Poll::Ready(handled.map_err(CloseReason::OutOfStep))
    }

    fn watch_deadline(&mut self, cx: &mut Context<'_>) -> Poll<CloseReason> {
        let Some(deadline) = self.shared.machine().deadline() else {
            return Poll::Pending;
        };
        let deadline = tokio::time::Instant::from_std(deadline);
        // One timer is moved only where it would fire too late; where it fires too early it is
        // looked at again.
        if self.timer.is_elapsed() || self.timer.deadline() > deadline {
            self.timer.as_mut().reset(deadline);
        }
        while self.timer.as_mut().poll(cx).is_ready() {
            if deadline <= tokio::time::Instant::now() {
                return Poll::Ready(CloseReason::Stalled);
            }
            self.timer.as_mut().reset(deadline);
        }
        Poll::Pending
    }

    fn close(&mut self, reason: CloseReason) {
        self.shared.machine().close(reason, &mut self.wakers);
        self.wake();
    }

    fn wake(&mut self) {
        for waker in self.wakers.drain(..) {
            waker.wake();
        }
    }
}

impl Future for Driver {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let driver = self.get_mut();
        for _ in 0..ROUNDS {
            match driver.round(cx) {
                Poll::Ready(None) => {}
                Poll::Ready(Some(reason)) => {
                    driver.close(reason);
                    return Poll::Ready(());
                }
                Poll::Pending => return Poll::Pending,
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl Drop for Driver {
    /// A runtime that shuts down drops its tasks: whoever waits must hear of it.
    fn drop(&mut self) {
        self.close(CloseReason::Lost(None));
    }
}
