#[cfg(any(feature = "__tls", test))]
use std::{future::Future, pin::pin, task::Waker};
use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::BytesMut;
#[cfg(any(feature = "__tls", test))]
use tokio::io::AsyncReadExt;
#[cfg(unix)]
use tokio::net::UnixStream;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

/// An open byte stream to a server.
#[derive(Debug)]
pub(crate) enum Stream {
    Tcp(TcpStream),
    #[cfg(unix)]
    Unix(UnixStream),
    #[cfg(feature = "__tls")]
    Tls(super::tls::TlsStream),
    #[cfg(all(test, shuttle))]
    Pipe(super::Pipe),
    #[cfg(all(test, not(shuttle)))]
    Simulated(super::simulated::Wire),
}

impl Stream {
    /// Says whether what is written at once arrives at once, as far as it fits a record.
    pub(crate) fn is_in_records(&self) -> bool {
        let plain = matches!(self, Self::Tcp(_));
        #[cfg(unix)]
        let plain = plain || matches!(self, Self::Unix(_));
        #[cfg(all(test, not(shuttle)))]
        let plain = plain || matches!(self, Self::Simulated(_));
        !plain
    }

    /// Says whether the operating system carries it.
    pub(crate) fn is_of_system(&self) -> bool {
        match self {
            #[cfg(all(test, shuttle))]
            Self::Pipe(_) => false,
            #[cfg(all(test, not(shuttle)))]
            Self::Simulated(_) => false,
            _ => true,
        }
    }

    /// Reads what has come by now, and has nobody woken for more; zero is the end of the stream.
    pub(crate) fn read_now(&mut self, buffer: &mut BytesMut) -> Poll<io::Result<usize>> {
        let read = match self {
            // Without a look at the stream where the reactor has seen nothing come.
            Self::Tcp(stream) => stream.try_read_buf(buffer),
            #[cfg(unix)]
            Self::Unix(stream) => stream.try_read_buf(buffer),
            #[cfg(any(feature = "__tls", test))]
            stream => {
                let read = pin!(stream.read_buf(buffer));
                return read.poll(&mut Context::from_waker(Waker::noop()));
            }
        };
        match read {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Poll::Pending,
            read => Poll::Ready(read),
        }
    }
}

macro_rules! forward {
    ($self:ident, $stream:ident => $call:expr) => {
        match $self.get_mut() {
            Stream::Tcp(stream) => {
                let $stream = Pin::new(stream);
                $call
            }
            #[cfg(unix)]
            Stream::Unix(stream) => {
                let $stream = Pin::new(stream);
                $call
            }
            #[cfg(feature = "__tls")]
            Stream::Tls(stream) => {
                let $stream = Pin::new(stream);
                $call
            }
            #[cfg(all(test, shuttle))]
            Stream::Pipe(stream) => {
                let $stream = Pin::new(stream);
                $call
            }
            #[cfg(all(test, not(shuttle)))]
            Stream::Simulated(stream) => {
                let $stream = Pin::new(stream);
                $call
            }
        }
    };
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        forward!(self, stream => stream.poll_read(cx, buf))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        forward!(self, stream => stream.poll_write(cx, buf))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        forward!(self, stream => stream.poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        forward!(self, stream => stream.poll_shutdown(cx))
    }
}
