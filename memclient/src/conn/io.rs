use std::{
    future::Future,
    io,
    pin::{Pin, pin},
    task::{Context, Poll, ready},
};

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWrite};

use crate::net::Stream;

/// How much is read at once; values are slices of what was read.
const READ_CHUNK: usize = 64 * 1024;

/// The most that goes out as one TLS record, and what memcached reads at once.
const RECORD: usize = 16 * 1024;

/// A stream, what was read of it and not yet understood, and what is yet to be written.
#[derive(Debug)]
pub(super) struct Io {
    stream: Stream,
    pub(super) reading: BytesMut,
    writing: BytesMut,
    /// Whether the stream may hold back some of what was written to it, as TLS does.
    unflushed: bool,
    /// Whether the last byte is written by itself.
    ends_apart: bool,
}

impl Io {
    pub(super) fn new(stream: Stream) -> Self {
        Self {
            stream,
            reading: BytesMut::new(),
            writing: BytesMut::new(),
            unflushed: false,
            ends_apart: false,
        }
    }

    /// Takes what is to be written next, once everything before it is.
    ///
    /// When memcached (1.6.18) has read the rest of a value that is larger than its buffer, it waits
    /// for its socket, although what stands behind the value in the same TLS record is decrypted
    /// already: the commands there would have no answer. So what may be such a value ends with a
    /// record of one byte, for which the server wakes up.
    pub(super) fn write_next(&mut self, bytes: BytesMut) {
        if self.writing.is_empty() {
            self.writing = bytes;
        } else {
            self.writing.unsplit(bytes);
        }
        self.ends_apart = self.stream.is_in_records() && self.writing.len() > RECORD;
    }

    pub(super) fn is_written(&self) -> bool {
        self.writing.is_empty() && !self.unflushed
    }

    /// Writes until everything is written and flushed; ready only then.
    pub(super) fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.writing.is_empty() {
            let left = self.writing.len();
            let piece = if self.ends_apart && left > 1 { left - 1 } else { left };
            let bytes = self.writing.get(..piece).unwrap_or_default();
            let written = ready!(Pin::new(&mut self.stream).poll_write(cx, bytes))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.writing.advance(written);
            self.unflushed = true;
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
