use std::{
    io,
    net::SocketAddr,
    time::{Duration, Instant},
};

use socket2::{SockRef, TcpKeepalive};
#[cfg(unix)]
use tokio::net::UnixStream;
use tokio::{
    net::{TcpStream, lookup_host},
    time::timeout_at,
};

#[cfg(feature = "__tls")]
use super::tls::{self, Connector};
use super::{Address, Stream};
use crate::{
    clock::now,
    error::{Delivery, Error, Result, Step},
};

/// How a stream is opened. All of it is for TCP: a unix socket leads to this machine.
#[derive(Clone, Debug)]
pub(crate) struct DialOptions {
    /// Sends small writes at once instead of collecting them in the kernel.
    pub(crate) no_delay: bool,
    pub(crate) keepalive: Option<Keepalive>,
    #[cfg(feature = "__tls")]
    pub(crate) tls: Option<Connector>,
}

#[cfg(feature = "__tls")]
impl DialOptions {
    /// Makes sure that TLS, if it is asked for, can be had of servers at these addresses.
    ///
    /// # Errors
    /// When no certificate can be for a host, or every server is a unix socket.
    pub(crate) fn check(&self, addresses: &[Address]) -> Result<()> {
        let Some(connector) = &self.tls else { return Ok(()) };
        let mut checked = false;
        for address in addresses {
            if let Address::Tcp { host, .. } = address {
                connector.check(host)?;
                checked = true;
            }
        }
        if checked {
            return Ok(());
        }
        Err(Error::config(
            "TLS is asked for, and there are only unix sockets, over which memcached speaks none: leave it out",
        ))
    }
}

/// When the kernel asks whether the peer of a silent TCP connection is still there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Keepalive {
    /// The silence before the first question.
    pub(crate) idle: Duration,
    /// The pause between questions.
    pub(crate) interval: Duration,
    /// How many stay without an answer before the connection is given up.
    pub(crate) count: u32,
}

/// Opens a stream by the deadline; names are resolved now, and every address is tried in turn.
///
/// Dropping the future closes what was half open.
///
/// # Errors
/// When no address can be reached, when there is no TLS where it is asked for, or when the deadline
/// passes.
pub(crate) async fn dial(
    address: &Address,
    options: &DialOptions,
    deadline: Instant,
) -> Result<Stream> {
    #[cfg(all(test, not(shuttle)))]
    if let Some(network) = super::simulated::network() {
        return match timeout_at(deadline.into(), network.dial(address)).await {
            Ok(outcome) => outcome.map(Stream::Simulated).map_err(Error::connect),
            Err(_) => Err(Error::timeout(Step::Connect, Delivery::NotSent)),
        };
    }
    match address {
        Address::Tcp { host, port } => {
            let open = async {
                let addresses = lookup_host((host.as_str(), *port)).await?.collect();
                prepare(reach_any(addresses, deadline).await?, options)
            };
            let stream = match timeout_at(deadline.into(), open).await {
                Ok(outcome) => outcome.map_err(Error::connect)?,
                Err(_) => return Err(Error::timeout(Step::Connect, Delivery::NotSent)),
            };
            secure(host, stream, options, deadline).await
        }
        #[cfg(unix)]
        Address::Unix(path) => match timeout_at(deadline.into(), UnixStream::connect(path)).await {
            Ok(outcome) => outcome.map(Stream::Unix).map_err(Error::connect),
            Err(_) => Err(Error::timeout(Step::Connect, Delivery::NotSent)),
        },
        #[cfg(not(unix))]
        Address::Unix(_) => Err(Error::connect(io::Error::new(
            io::ErrorKind::Unsupported,
            "this system has no unix sockets",
        ))),
    }
}

/// Returns the failure of TLS behind a connection that was lost before it said hello, if that is
/// why it was lost.
pub(crate) fn tls_refusal(error: &Error) -> Option<Error> {
    #[cfg(feature = "__tls")]
    return tls::of_a_lost_connection(error);
    #[cfg(not(feature = "__tls"))]
    {
        let _ = error;
        None
    }
}

/// Connects to the first address that takes it. Each has its share of the time that is left, so
/// that one behind which packets vanish leaves some to the next.
async fn reach_any(addresses: Vec<SocketAddr>, deadline: Instant) -> io::Result<TcpStream> {
    let mut failure = None;
    let mut left = u32::try_from(addresses.len()).unwrap_or(u32::MAX);
    for address in addresses {
        let now = now();
        let share = deadline.saturating_duration_since(now) / left;
        left -= 1;
        let until = if left == 0 { deadline } else { now + share };
        match timeout_at(until.into(), TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => failure = failure.or(Some(error)),
            Err(elapsed) => failure = failure.or(Some(elapsed.into())),
        }
    }
    let nowhere = || io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    Err(failure.unwrap_or_else(nowhere))
}

fn prepare(stream: TcpStream, options: &DialOptions) -> io::Result<TcpStream> {
    stream.set_nodelay(options.no_delay)?;
    if let Some(Keepalive { idle, interval, count }) = options.keepalive {
        let keepalive = TcpKeepalive::new().with_time(idle);
        #[cfg(not(any(target_os = "openbsd", target_os = "haiku")))]
        let keepalive = keepalive.with_interval(interval);
        #[cfg(not(any(target_os = "openbsd", target_os = "haiku", windows)))]
        let keepalive = keepalive.with_retries(count);
        SockRef::from(&stream).set_tcp_keepalive(&keepalive)?;
    }
    Ok(stream)
}

/// Agrees on TLS with the host where that is asked for.
#[cfg(feature = "__tls")]
async fn secure(
    host: &str,
    stream: TcpStream,
    options: &DialOptions,
    deadline: Instant,
) -> Result<Stream> {
    let Some(connector) = &options.tls else { return Ok(Stream::Tcp(stream)) };
    match timeout_at(deadline.into(), connector.connect(host, stream)).await {
        Ok(outcome) => outcome.map(Stream::Tls),
        Err(_) => Err(Error::timeout(Step::Tls, Delivery::NotSent)),
    }
}

#[cfg(not(feature = "__tls"))]
#[expect(clippy::unused_async, reason = "it waits where TLS is spoken")]
async fn secure(_: &str, stream: TcpStream, _: &DialOptions, _: Instant) -> Result<Stream> {
    Ok(Stream::Tcp(stream))
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    /// Returns an address where nobody listens.
    async fn closed() -> SocketAddr {
        TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
    }

    #[tokio::test]
    async fn every_address_of_a_name_is_tried() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let open = listener.local_addr().unwrap();
        let deadline = Instant::now() + Duration::from_secs(10);

        let stream = reach_any(vec![closed().await, closed().await, open], deadline).await;

        assert_eq!(stream.unwrap().peer_addr().unwrap(), open);
    }

    #[tokio::test]
    async fn the_first_failure_is_told_when_no_address_can_be_reached() {
        let deadline = Instant::now() + Duration::from_secs(10);

        let error = reach_any(vec![closed().await, closed().await], deadline).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);

        let error = reach_any(Vec::new(), deadline).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }

    #[tokio::test]
    async fn the_options_reach_the_socket() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let seconds = Duration::from_secs;
        let keepalive = Keepalive { idle: seconds(61), interval: seconds(7), count: 4 };
        let options = DialOptions {
            no_delay: true,
            keepalive: Some(keepalive),
            #[cfg(feature = "__tls")]
            tls: None,
        };

        let stream = prepare(stream, &options).unwrap();

        let socket = SockRef::from(&stream);
        assert!(stream.nodelay().unwrap() && socket.keepalive().unwrap());
        assert_eq!(socket.tcp_keepalive_time().unwrap(), seconds(61));
        assert_eq!(socket.tcp_keepalive_interval().unwrap(), seconds(7));
        assert_eq!(socket.tcp_keepalive_retries().unwrap(), 4);
    }
}
