use std::{io, time::Duration};

use socket2::{SockRef, TcpKeepalive};
#[cfg(unix)]
use tokio::net::UnixStream;
use tokio::net::{TcpStream, lookup_host};

use super::{Address, Stream};

/// How a stream is opened.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DialOptions {
    /// Sends small writes at once instead of collecting them in the kernel.
    pub(crate) no_delay: bool,
    /// How long a silent TCP connection stays before the kernel asks whether the peer is there.
    pub(crate) keepalive: Option<Duration>,
}

/// Opens a stream; names are resolved now, and every address is tried in turn.
///
/// The caller bounds the time. Dropping the future closes what was half open.
pub(crate) async fn dial(address: &Address, options: DialOptions) -> io::Result<Stream> {
    match address {
        Address::Tcp { host, port } => {
            let mut failure = None;
            for address in lookup_host((host.as_str(), *port)).await? {
                match TcpStream::connect(address).await {
                    Ok(stream) => return prepare(stream, options).map(Stream::Tcp),
                    Err(error) => failure = failure.or(Some(error)),
                }
            }
            Err(failure.unwrap_or_else(|| {
                io::Error::new(io::ErrorKind::NotFound, "the name has no address")
            }))
        }
        #[cfg(unix)]
        Address::Unix(path) => UnixStream::connect(path).await.map(Stream::Unix),
        #[cfg(not(unix))]
        Address::Unix(_) => {
            Err(io::Error::new(io::ErrorKind::Unsupported, "this system has no unix sockets"))
        }
    }
}

fn prepare(stream: TcpStream, options: DialOptions) -> io::Result<TcpStream> {
    stream.set_nodelay(options.no_delay)?;
    if let Some(idle) = options.keepalive {
        SockRef::from(&stream).set_tcp_keepalive(&TcpKeepalive::new().with_time(idle))?;
    }
    Ok(stream)
}
