use std::{
    future::Future,
    io,
    pin::{Pin, pin},
    task::{Context, Poll, ready},
};

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::net::Stream;

/// How much is read at once; values are slices of what was read.
const READ_CHUNK: usize = 64 * 1024;

/// A stream, what was read of it and not yet understood, and what is yet to be written.
#[derive(Debug)]
pub(super) struct Io {
    stream: Stream,
    pub(super) reading: BytesMut,
    writing: BytesMut,
    /// Whether the stream may hold back some of what was written to it, as TLS does.
    unflushed: bool,
}

impl Io {
    pub(super) fn new(stream: Stream) -> Self {
        Self { stream, reading: BytesMut::new(), writing: BytesMut::new(), unflushed: false }
    }

    /// Takes what is to be written next, once everything before it is.
    pub(super) fn write_next(&mut self, bytes: BytesMut) {
        if self.writing.is_empty() {
            self.writing = bytes;
        } else {
            self.writing.unsplit(bytes);
        }
    }

    pub(super) fn is_written(&self) -> bool {
        self.writing.is_empty() && !self.unflushed
    }

    /// Writes until everything is written and flushed; ready only then.
    pub(super) fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.writing.is_empty() {
            match pin!(self.stream.write_buf(&mut self.writing)).poll(cx) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Poll::Ready(Ok(_)) => self.unflushed = true,
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => return Poll::Pending,
            }
        }
        if self.unflushed {
            ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
            self.unflushed = false;
        }
        Poll::Ready(Ok(()))
    }

    /// Reads once; zero is the end of the stream.
    pub(super) fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if self.reading.capacity() - self.reading.len() < READ_CHUNK / 8 {
            // Doubling keeps the copying of a large value in proportion to what has really arrived.
            self.reading.reserve(READ_CHUNK.max(self.reading.len()));
        }
        pin!(self.stream.read_buf(&mut self.reading)).poll(cx)
    }
}
