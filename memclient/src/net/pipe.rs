//! A byte stream in memory whose waits the checker of `conn::model` sees.
//!
//! It behaves as a socket does under tokio: of those who wait to read only the last is woken, as
//! of those who wait to write; bytes arrive in pieces; and a wait may end at once for nothing.

use std::{
    collections::VecDeque,
    io,
    pin::Pin,
    sync::{Arc, PoisonError},
    task::{Context, Poll, Waker},
};

use shuttle::{
    rand::{Rng, thread_rng},
    sync::Mutex,
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// One of two ends; dropping it ends both directions.
#[derive(Debug)]
pub(crate) struct Pipe {
    incoming: Arc<Mutex<Lane>>,
    outgoing: Arc<Mutex<Lane>>,
}

/// One direction.
#[derive(Debug)]
struct Lane {
    bytes: VecDeque<u8>,
    room: usize,
    ended: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

impl Pipe {
    /// Returns two ends; each direction holds so many bytes that are not read.
    pub(crate) fn pair(room: usize) -> (Self, Self) {
        let lane = || {
            let bytes = VecDeque::new();
            Arc::new(Mutex::new(Lane { bytes, room, ended: false, reader: None, writer: None }))
        };
        let (there, back) = (lane(), lane());
        let near = Self { incoming: Arc::clone(&back), outgoing: Arc::clone(&there) };
        (near, Self { incoming: there, outgoing: back })
    }
}

impl AsyncRead for Pipe {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if is_over_budget(cx) {
            return Poll::Pending;
        }
        let mut lane = self.incoming.lock().unwrap_or_else(PoisonError::into_inner);
        let most = lane.bytes.len().min(buf.remaining());
        if most == 0 {
            if lane.ended {
                return Poll::Ready(Ok(()));
            }
            lane.reader = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let count = piece(most);
        let bytes: Vec<u8> = lane.bytes.drain(..count).collect();
        let writer = lane.writer.take();
        drop(lane);
        buf.put_slice(&bytes);
        writer.into_iter().for_each(Waker::wake);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Pipe {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        if is_over_budget(cx) {
            return Poll::Pending;
        }
        let mut lane = self.outgoing.lock().unwrap_or_else(PoisonError::into_inner);
        if lane.ended {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let count = (lane.room - lane.bytes.len()).min(buf.len());
        if count == 0 {
            lane.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }
        lane.bytes.extend(&buf[..count]);
        let reader = lane.reader.take();
        drop(lane);
        reader.into_iter().for_each(Waker::wake);
        Poll::Ready(Ok(count))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl Drop for Pipe {
    fn drop(&mut self) {
        for lane in [&self.incoming, &self.outgoing] {
            let mut lane = lane.lock().unwrap_or_else(PoisonError::into_inner);
            lane.ended = true;
            let waiting = [lane.reader.take(), lane.writer.take()];
            drop(lane);
            waiting.into_iter().flatten().for_each(Waker::wake);
        }
    }
}

/// Does now and then what tokio does with a task that has run for long: the socket is not looked
/// at, and the task is woken at once.
fn is_over_budget(cx: &Context<'_>) -> bool {
    let over = thread_rng().gen_ratio(1, 16);
    if over {
        cx.waker().wake_by_ref();
    }
    over
}

/// Mostly everything, sometimes less.
fn piece(most: usize) -> usize {
    let mut random = thread_rng();
    if random.gen_ratio(3, 4) { most } else { random.gen_range(1..=most) }
}
