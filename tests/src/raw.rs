//! Plain connections that show what a server really says.

use std::{
    io::{self, Read, Write},
    net::{Shutdown, TcpStream},
    os::unix::net::UnixStream,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio_rustls::rustls::{ClientConfig, ClientConnection, StreamOwned, pki_types::ServerName};

/// How long an exchange may take before it is an error.
const LIMIT: Duration = Duration::from_secs(10);

/// When an exchange has its whole answer.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Until<'a> {
    /// The server has closed, which it does after answering: our sending side is closed first.
    Closed,
    /// The answer ends with these bytes.
    Ends(&'a [u8]),
}

/// What a connection has to show before the server listens to it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Access {
    /// How TLS is spoken, and the name that the server has to prove.
    pub(crate) tls: Option<(Arc<ClientConfig>, ServerName<'static>)>,
    pub(crate) credentials: Option<(String, String)>,
}

/// Sends `bytes` to `address` on a connection of its own and returns the answer.
pub(crate) fn exchange(
    address: &str,
    access: &Access,
    bytes: &[u8],
    until: Until<'_>,
) -> io::Result<Vec<u8>> {
    let deadline = Instant::now() + LIMIT;
    let mut wire = Wire::open(address, access)?;
    if let Some((user, password)) = &access.credentials {
        let data = format!("{user} {password}");
        wire.write_all(format!("set auth 0 0 {}\r\n{data}\r\n", data.len()).as_bytes())?;
        let answer = read(&mut wire, Until::Ends(b"\r\n"), deadline)?;
        if answer != b"STORED\r\n" {
            return Err(unfinished(io::ErrorKind::PermissionDenied, "wants others", &answer));
        }
    }
    wire.write_all(bytes)?;
    if matches!(until, Until::Closed) {
        wire.finish()?;
    }
    read(&mut wire, until, deadline)
}

fn read(wire: &mut Wire, until: Until<'_>, deadline: Instant) -> io::Result<Vec<u8>> {
    let mut answer = Vec::new();
    let mut chunk = [0; 16 * 1024];
    loop {
        if let Until::Ends(end) = until
            && answer.ends_with(end)
        {
            return Ok(answer);
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(unfinished(io::ErrorKind::TimedOut, "did not answer in time", &answer));
        }
        wire.set_limit(left)?;
        match wire.read(&mut chunk) {
            Ok(0) if matches!(until, Until::Closed) => return Ok(answer),
            Ok(0) => {
                return Err(unfinished(io::ErrorKind::UnexpectedEof, "closed early", &answer));
            }
            Ok(read) => answer.extend_from_slice(&chunk[..read]),
            // Servers that close do not always say goodbye in TLS.
            Err(error)
                if matches!(until, Until::Closed)
                    && error.kind() == io::ErrorKind::UnexpectedEof =>
            {
                return Ok(answer);
            }
            Err(error) if is_pause(&error) => {}
            Err(error) => return Err(error),
        }
    }
}

enum Wire {
    Tcp(TcpStream),
    Unix(UnixStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Wire {
    fn open(address: &str, access: &Access) -> io::Result<Self> {
        if let Some(path) = address.strip_prefix("unix:") {
            return UnixStream::connect(path).map(Self::Unix);
        }
        let stream = TcpStream::connect(address)?;
        let Some((config, name)) = &access.tls else { return Ok(Self::Tcp(stream)) };
        stream.set_read_timeout(Some(LIMIT))?;
        let session = ClientConnection::new(Arc::clone(config), name.clone());
        let session = session.map_err(io::Error::other)?;
        Ok(Self::Tls(Box::new(StreamOwned::new(session, stream))))
    }

    fn finish(&mut self) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.shutdown(Shutdown::Write),
            Self::Unix(stream) => stream.shutdown(Shutdown::Write),
            Self::Tls(stream) => {
                stream.conn.send_close_notify();
                stream.flush()?;
                stream.sock.shutdown(Shutdown::Write)
            }
        }
    }

    fn set_limit(&self, limit: Duration) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.set_read_timeout(Some(limit)),
            Self::Unix(stream) => stream.set_read_timeout(Some(limit)),
            Self::Tls(stream) => stream.sock.set_read_timeout(Some(limit)),
        }
    }

    fn read(&mut self, chunk: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.read(chunk),
            Self::Unix(stream) => stream.read(chunk),
            Self::Tls(stream) => stream.read(chunk),
        }
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.write_all(bytes),
            Self::Unix(stream) => stream.write_all(bytes),
            Self::Tls(stream) => {
                stream.write_all(bytes)?;
                stream.flush()
            }
        }
    }
}

/// Tells whether a read gave up waiting, rather than failed.
pub(crate) fn is_pause(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted
    )
}

fn unfinished(kind: io::ErrorKind, what: &str, answer: &[u8]) -> io::Error {
    let answer = answer.escape_ascii();
    io::Error::new(kind, format!("the server {what}; so far it said \"{answer}\""))
}
