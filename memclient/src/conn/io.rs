use std::{
    future::Future,
    io,
    pin::{Pin, pin},
    task::{Context, Poll, ready},
};

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWrite};

use crate::net::Stream;

/// How much is read at once; values are slices of what was read.
const READ_CHUNK: usize = 64 * 1024;

/// How large a buffer may be that is kept for what is written later.
const WRITE_SPARE: usize = 256 * 1024;

/// The most that goes out as one TLS record, and what memcached reads at once.
const RECORD: usize = 16 * 1024;

/// A stream, what was read of it and not yet understood, and what is yet to be written.
#[derive(Debug)]
pub(super) struct Io {
    stream: Stream,
    pub(super) reading: BytesMut,
    /// Empty where everything is written.
    writing: BytesMut,
    /// How many of its bytes are.
    written: usize,
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
            written: 0,
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
            self.writing.extend_from_slice(&bytes);
        }
        self.ends_apart = self.stream.is_in_records() && self.writing.len() - self.written > RECORD;
    }

    /// Returns an empty buffer, which has room where it was written from before.
    pub(super) fn take_empty(&mut self) -> BytesMut {
        if self.writing.is_empty() { std::mem::take(&mut self.writing) } else { BytesMut::new() }
    }

    pub(super) fn is_written(&self) -> bool {
        self.writing.is_empty() && !self.unflushed
    }

    /// Writes until everything is written and flushed; ready only then.
    pub(super) fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.written < self.writing.len() {
            let left = self.writing.len() - self.written;
            let piece = if self.ends_apart && left > 1 { left - 1 } else { left };
            let bytes = self.writing.get(self.written..self.written + piece).unwrap_or_default();
            let written = ready!(Pin::new(&mut self.stream).poll_write(cx, bytes))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.written += written;
            self.unflushed = true;
        }
        self.written = 0;
        self.writing.clear();
        if self.writing.capacity() > WRITE_SPARE {
            self.writing = BytesMut::new();
        }
        if self.unflushed {
            ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
            self.unflushed = false;
        }
        Poll::Ready(Ok(()))
    }

    /// Reads once; zero is the end of the stream.
    pub(super) fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        self.make_room();
        pin!(self.stream.read_buf(&mut self.reading)).poll(cx)
    }

    /// Reads what has come by now, and has nobody woken for more; zero is the end of the stream.
    pub(super) fn read_now(&mut self) -> Poll<io::Result<usize>> {
        self.make_room();
        self.stream.read_now(&mut self.reading)
    }

    fn make_room(&mut self) {
        if self.reading.capacity() - self.reading.len() < READ_CHUNK / 8 {
            // Doubling keeps the copying of a large value in proportion to what has really arrived.
            self.reading.reserve(READ_CHUNK.max(self.reading.len()));
        }
    }
}

#[cfg(all(test, not(shuttle)))]
mod tests {
    use std::task::Waker;

    use tokio::io::duplex;

    use super::*;
    use crate::net::simulated::SimulatedStream;

    /// Has so many bytes written, and returns what room the buffer after them has.
    fn room_after(bytes: usize) -> usize {
        let (near, _far) = duplex(4 * WRITE_SPARE);
        let near: Box<dyn SimulatedStream> = Box::new(near);
        let mut io = Io::new(Stream::Simulated(near));
        let mut out = io.take_empty();
        out.resize(bytes, b'x');
        io.write_next(out);
        assert!(!io.is_written());
        assert!(io.take_empty().capacity() == 0, "the buffer has what is to be written");
        let written = io.poll_write(&mut Context::from_waker(Waker::noop()));
        assert!(matches!(written, Poll::Ready(Ok(()))), "{written:?}");
        assert!(io.is_written());
        let empty = io.take_empty();
        assert!(empty.is_empty());
        empty.capacity()
    }

    #[test]
    fn a_buffer_that_was_written_is_used_again_unless_it_is_large() {
        assert!(room_after(1000) >= 1000);
        assert_eq!(room_after(2 * WRITE_SPARE), 0);
    }
}
