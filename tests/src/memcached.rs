//! A real memcached process on loopback.

use std::{
    fs, io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, TcpListener},
    path::Path,
    thread,
    time::{Duration, Instant},
};

use memclient::{Client, ClientBuilder, Tls};
use tempfile::TempDir;

use crate::{
    certificates::Certificates,
    child::{self, Reaped},
    launch::{LIMIT, Place, launch, wait},
    raw::{self, Access, Until},
};

/// A memcached process of one's own, killed and reaped when it is dropped.
///
/// It listens on a free loopback port or on a unix socket, keeps its address over a
/// [`restart`](Self::restart), and ends with the test process even if that is killed.
#[derive(Debug)]
pub struct Memcached {
    builder: Builder,
    place: Place,
    access: Access,
    certificates: Option<Certificates>,
    process: Option<Reaped>,
    // The socket, the certificates and the server's messages live here, so it goes last.
    directory: TempDir,
}

impl Memcached {
    /// Starts a server on a free loopback port and waits until it answers.
    ///
    /// # Errors
    ///
    /// Fails if memcached is not installed or does not answer in time; its messages are in the
    /// error.
    ///
    /// # Cancel safety
    ///
    /// A server whose start was given up is killed.
    pub async fn start() -> io::Result<Self> {
        Self::builder().start().await
    }

    /// Starts a server on a unix socket and waits until it answers.
    ///
    /// # Errors
    ///
    /// Fails as [`start`](Self::start) does.
    pub async fn unix() -> io::Result<Self> {
        Self::builder().unix().start().await
    }

    /// Returns a builder for a server with arguments or an address of one's choice.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Kills the server and waits for its end. Stopping twice is no error.
    ///
    /// The address stays reserved for [`restart`](Self::restart) by convention only: another
    /// program may take the port meanwhile.
    pub fn stop(&mut self) -> io::Result<()> {
        if let Some(mut process) = self.process.take() {
            process.kill()?;
        }
        Ok(())
    }

    /// Stops the server if it runs and starts an empty one on the same address.
    ///
    /// # Errors
    ///
    /// Fails as [`start`](Self::start) does, and if the address stays taken by somebody else.
    ///
    /// # Cancel safety
    ///
    /// A restart that was given up leaves the server stopped.
    pub async fn restart(&mut self) -> io::Result<()> {
        self.stop()?;
        let builder = self.builder.clone();
        let (place, access) = (self.place.clone(), self.access.clone());
        let directory = self.directory.path().to_owned();
        let process = blocking(move || {
            let arguments = builder.all_arguments(&directory);
            let deadline = Instant::now() + LIMIT;
            loop {
                match launch(&arguments, &place, &access, &directory) {
                    // A connection that the old server left behind may hold the port for a moment.
                    Err(error) if Instant::now() < deadline && is_address_taken(&error) => {
                        thread::sleep(Duration::from_millis(50));
                    }
                    launched => return launched.map(|(process, _)| process),
                }
            }
        })
        .await?;
        self.process = Some(process);
        Ok(())
    }

    /// Stops the server's execution: it accepts connections, through the kernel, and answers nothing.
    ///
    /// # Errors
    ///
    /// Fails if the server does not run.
    pub async fn pause(&self) -> io::Result<()> {
        let pid = self.running()?;
        blocking(move || {
            child::signal("STOP", i64::from(pid))?;
            wait(|| Ok(is_stopped(pid).then_some(())), || "the server did not pause".into())
        })
        .await
    }

    /// Lets a paused server go on.
    ///
    /// # Errors
    ///
    /// Fails if the server does not run.
    pub async fn resume(&self) -> io::Result<()> {
        let pid = self.running()?;
        blocking(move || child::signal("CONT", i64::from(pid))).await
    }

    /// Sends whole requests on a connection of their own and returns everything the server
    /// answered until it had nothing more to say.
    ///
    /// The sending side is closed after `bytes`, so commands without a reply need no waiting.
    ///
    /// # Errors
    ///
    /// Fails if the connection does, or if the answer takes longer than ten seconds.
    pub async fn raw(&self, bytes: impl AsRef<[u8]>) -> io::Result<Vec<u8>> {
        let (address, access) = (self.address(), self.access.clone());
        let bytes = bytes.as_ref().to_vec();
        blocking(move || raw::exchange(&address, &access, &bytes, Until::Closed)).await
    }

    /// Sends bytes on a connection of their own and returns the answer up to and with `end`.
    ///
    /// # Errors
    ///
    /// Fails if the connection does, closes before `end`, or takes longer than ten seconds.
    pub async fn raw_until(
        &self,
        bytes: impl AsRef<[u8]>,
        end: impl AsRef<[u8]>,
    ) -> io::Result<Vec<u8>> {
        let (address, access) = (self.address(), self.access.clone());
        let (bytes, end) = (bytes.as_ref().to_vec(), end.as_ref().to_vec());
        blocking(move || raw::exchange(&address, &access, &bytes, Until::Ends(&end))).await
    }

    /// Returns what the server holds under `key`, read over a plain connection.
    ///
    /// # Errors
    ///
    /// Fails as [`raw`](Self::raw) does, and on an answer that is not one of `get`.
    pub async fn item(&self, key: &str) -> io::Result<Option<Item>> {
        let answer = self.raw(format!("get {key}\r\n")).await?;
        if answer == b"END\r\n" {
            return Ok(None);
        }
        Item::parse(&answer).map(Some).ok_or_else(|| {
            let answer = answer.escape_ascii();
            io::Error::other(format!("not an answer to get: \"{answer}\""))
        })
    }

    /// Returns one line of the server's `stats`, such as `curr_items`.
    ///
    /// # Errors
    ///
    /// Fails as [`raw`](Self::raw) does.
    pub async fn stat(&self, name: &str) -> io::Result<Option<String>> {
        let answer = self.raw("stats\r\n").await?;
        let text = String::from_utf8_lossy(&answer);
        Ok(text.lines().find_map(|line| {
            let (found, value) = line.strip_prefix("STAT ")?.split_once(' ')?;
            (found == name).then(|| value.to_owned())
        }))
    }

    /// Returns a builder of clients that this server takes: with its address, and with what it was
    /// told to want of them, TLS, a certificate, credentials.
    pub fn client_builder(&self) -> ClientBuilder {
        self.client_builder_at(self.address())
    }

    /// Returns the same for clients that reach the server at another address: a proxy.
    pub fn client_builder_at(&self, address: impl AsRef<str>) -> ClientBuilder {
        let mut builder = Client::builder().server(address);
        if let Some((user, password)) = &self.builder.credentials {
            builder = builder.credentials(user, password);
        }
        if let Some(certificates) = &self.certificates {
            let mut tls = Tls::new().root_file(certificates.root());
            if self.builder.wants_certificate {
                let (chain, key) = certificates.client();
                tls = tls.client_certificate_files(chain, key);
            }
            builder = builder.tls(tls);
        }
        builder
    }

    /// Returns the server's certificates, if it speaks TLS.
    pub fn certificates(&self) -> Option<&Certificates> {
        self.certificates.as_ref()
    }

    /// Tells whether servers can listen on the IPv6 loopback address of this machine.
    pub fn has_ipv6() -> bool {
        TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_ok()
    }

    /// Returns the address as clients write it: `127.0.0.1:port`, `[::1]:port` or `unix:/path`.
    pub fn address(&self) -> String {
        self.place.to_string()
    }

    /// Returns the TCP port, or `None` for a server on a unix socket.
    pub fn port(&self) -> Option<u16> {
        match self.place {
            Place::Port(address) => Some(address.port()),
            Place::AnyPort(_) | Place::Socket(_) => None,
        }
    }

    /// Returns the process id, or `None` while the server is stopped.
    pub fn pid(&self) -> Option<u32> {
        self.process.as_ref().map(Reaped::pid)
    }

    fn running(&self) -> io::Result<u32> {
        self.pid().ok_or_else(|| io::Error::other("the server is stopped: call restart first"))
    }
}

/// How a server is started: see [`Memcached::builder`].
#[derive(Clone, Debug, Default)]
pub struct Builder {
    arguments: Vec<String>,
    port: Option<u16>,
    unix: bool,
    ipv6: bool,
    /// For whom the server's certificate is, if it speaks TLS.
    hosts: Option<Vec<String>>,
    wants_certificate: bool,
    credentials: Option<(String, String)>,
}

impl Builder {
    /// Adds a command line argument. Later ones override earlier ones and the defaults.
    pub fn arg(mut self, argument: impl Into<String>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Listens on this loopback port. Defaults to a free one.
    pub fn on_port(mut self, port: u16) -> Self {
        self.port = Some(port);
        self
    }

    /// Listens on a unix socket in a directory of its own, and on no port.
    pub fn unix(mut self) -> Self {
        self.unix = true;
        self
    }

    /// Listens on the IPv6 loopback address; see [`Memcached::has_ipv6`].
    pub fn ipv6(mut self) -> Self {
        self.ipv6 = true;
        self
    }

    /// Speaks TLS and nothing else, with [`Certificates`] of its own.
    pub fn tls(self) -> Self {
        self.tls_for(&["localhost", "127.0.0.1", "::1"])
    }

    /// Speaks TLS with a certificate that is for these hosts.
    pub fn tls_for(mut self, hosts: &[&str]) -> Self {
        self.hosts = Some(hosts.iter().map(ToString::to_string).collect());
        self
    }

    /// Speaks TLS, and only with clients that have a certificate from the server's authority.
    pub fn client_certificate(mut self) -> Self {
        self.wants_certificate = true;
        if self.hosts.is_some() { self } else { self.tls() }
    }

    /// Wants this user and password of its clients.
    pub fn auth(mut self, user: impl Into<String>, password: impl Into<String>) -> Self {
        self.credentials = Some((user.into(), password.into()));
        self
    }

    /// Starts the server and waits until it answers.
    ///
    /// # Errors
    ///
    /// Fails if memcached is not installed or does not answer in time; its messages are in the
    /// error.
    ///
    /// # Cancel safety
    ///
    /// A server whose start was given up is killed.
    pub async fn start(self) -> io::Result<Memcached> {
        blocking(move || self.start_blocking()).await
    }

    /// Does what [`start`](Self::start) does on the calling thread, for tests without a runtime.
    ///
    /// # Errors
    ///
    /// Fails as [`start`](Self::start) does.
    pub fn start_blocking(self) -> io::Result<Memcached> {
        let directory = short_directory()?;
        let ip =
            if self.ipv6 { Ipv6Addr::LOCALHOST.into() } else { IpAddr::from(Ipv4Addr::LOCALHOST) };
        let place = match (self.unix, self.port) {
            (true, _) => Place::Socket(directory.path().join("socket")),
            (false, Some(port)) => Place::Port((ip, port).into()),
            (false, None) => Place::AnyPort(ip),
        };
        let mut access = Access { tls: None, credentials: self.credentials.clone() };
        let mut certificates = None;
        if let Some(hosts) = &self.hosts {
            let made = Certificates::for_hosts(directory.path(), hosts)?;
            access.tls = Some(made.access(hosts, self.wants_certificate)?);
            certificates = Some(made);
        }
        if let Some((user, password)) = &self.credentials {
            fs::write(directory.path().join("users"), format!("{user}:{password}\n"))?;
        }
        let arguments = self.all_arguments(directory.path());
        let (process, place) = launch(&arguments, &place, &access, directory.path())?;
        let process = Some(process);
        Ok(Memcached { builder: self, place, access, certificates, process, directory })
    }

    fn all_arguments(&self, directory: &Path) -> Vec<String> {
        let file = |name: &str| directory.join(name).display().to_string();
        let mut arguments = Vec::new();
        if self.hosts.is_some() {
            let (chain, key) = (file("server.pem"), file("server.key"));
            arguments.extend(["-Z".into(), "-o".into()]);
            arguments.push(format!("ssl_chain_cert={chain},ssl_key={key}"));
            if self.wants_certificate {
                let root = file("root.pem");
                arguments.extend(["-o".into(), format!("ssl_verify_mode=2,ssl_ca_cert={root}")]);
            }
        }
        if self.credentials.is_some() {
            arguments.extend(["-Y".into(), file("users")]);
        }
        arguments.extend(self.arguments.iter().cloned());
        arguments
    }
}

/// An item as the server holds it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Item {
    /// The client flags.
    pub flags: u32,
    /// The value's bytes.
    pub data: Vec<u8>,
}

impl Item {
    fn parse(answer: &[u8]) -> Option<Self> {
        let end = answer.windows(2).position(|pair| pair == b"\r\n")?;
        let header = std::str::from_utf8(&answer[..end]).ok()?;
        let mut words = header.strip_prefix("VALUE ")?.split(' ').skip(1);
        let flags = words.next()?.parse().ok()?;
        let length: usize = words.next()?.parse().ok()?;
        let rest = answer.get(end + 2..)?;
        let data = rest.get(..length)?.to_vec();
        (rest.get(length..)? == b"\r\nEND\r\n").then_some(Self { flags, data })
    }
}

/// Makes a directory with a short name: the path of a unix socket has about a hundred bytes.
fn short_directory() -> io::Result<TempDir> {
    let mut builder = tempfile::Builder::new();
    builder.prefix("mc");
    builder.tempdir_in("/tmp").or_else(|_| builder.tempdir())
}

fn is_address_taken(error: &io::Error) -> bool {
    error.to_string().contains("Address already in use")
}

/// Tells whether every thread of the process is stopped, where the system shows it.
fn is_stopped(pid: u32) -> bool {
    let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else {
        return true;
    };
    threads.flatten().all(|thread| {
        let status = fs::read_to_string(thread.path().join("stat")).unwrap_or_default();
        status.rsplit_once(") ").is_none_or(|(_, rest)| rest.starts_with('T'))
    })
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_server_answers_as_soon_as_it_is_started() {
        let server = Memcached::start().await.unwrap();

        let answer = server.raw("version\r\n").await.unwrap();

        assert!(answer.starts_with(b"VERSION "));
        assert_eq!(server.address(), format!("127.0.0.1:{}", server.port().unwrap()));
    }

    #[tokio::test]
    async fn two_servers_do_not_share_an_address() {
        let (one, two) = tokio::join!(Memcached::start(), Memcached::start());
        let (one, two) = (one.unwrap(), two.unwrap());

        one.raw("set k 0 0 1 noreply\r\nv\r\n").await.unwrap();

        assert_ne!(one.address(), two.address());
        assert!(two.item("k").await.unwrap().is_none());
    }

    #[tokio::test]
    async fn an_item_is_shown_with_its_flags_and_bytes() {
        let server = Memcached::start().await.unwrap();

        server.raw("set k 1040 0 6 noreply\r\na\r\nEND\r\n").await.unwrap();

        let item = server.item("k").await.unwrap().unwrap();
        assert_eq!(item, Item { flags: 1040, data: b"a\r\nEND".to_vec() });
        assert_eq!(server.stat("curr_items").await.unwrap().as_deref(), Some("1"));
    }

    #[tokio::test]
    async fn a_restart_keeps_the_address_and_loses_the_items() {
        let mut server = Memcached::start().await.unwrap();
        let address = server.address();
        server.raw("set k 0 0 1\r\nv\r\n").await.unwrap();

        server.stop().unwrap();
        assert!(server.pid().is_none());
        assert!(server.raw("version\r\n").await.is_err());
        server.restart().await.unwrap();

        assert_eq!(server.address(), address);
        assert!(server.item("k").await.unwrap().is_none());
    }

    #[tokio::test]
    async fn a_port_can_be_chosen_and_a_taken_one_is_told() {
        let server = Memcached::start().await.unwrap();
        let port = server.port().unwrap();

        let error = Memcached::builder().on_port(port).start().await.unwrap_err();
        assert!(error.to_string().contains("in use"), "{error}");

        drop(server);
        let server = Memcached::builder().on_port(port).start().await.unwrap();
        assert_eq!(server.port(), Some(port));
    }

    #[tokio::test]
    async fn a_server_on_a_unix_socket_answers_before_and_after_a_restart() {
        let mut server = Memcached::unix().await.unwrap();
        assert!(server.address().starts_with("unix:/"));
        assert!(server.raw("version\r\n").await.unwrap().starts_with(b"VERSION "));

        server.restart().await.unwrap();

        assert!(server.raw("version\r\n").await.unwrap().starts_with(b"VERSION "));
    }

    #[tokio::test]
    async fn a_server_with_every_lock_on_its_door_answers_before_and_after_a_restart() {
        let builder = Memcached::builder().client_certificate().auth("ann", "secret");
        let mut server = builder.start().await.unwrap();
        server.raw("set k 0 0 1\r\nv\r\n").await.unwrap();
        assert_eq!(server.item("k").await.unwrap().unwrap().data, b"v");

        server.restart().await.unwrap();
        assert!(server.item("k").await.unwrap().is_none());
        assert!(server.certificates().unwrap().root().is_file());
    }

    #[tokio::test]
    async fn a_server_on_ipv6_answers() {
        if !Memcached::has_ipv6() {
            return;
        }
        let server = Memcached::builder().ipv6().start().await.unwrap();

        assert!(server.raw("version\r\n").await.unwrap().starts_with(b"VERSION "));
        assert_eq!(server.address(), format!("[::1]:{}", server.port().unwrap()));
    }

    #[tokio::test]
    async fn what_a_failing_start_says_is_in_the_error() {
        let error = Memcached::builder().arg("--no-such-option").start().await.unwrap_err();

        assert!(error.to_string().contains("no-such-option"), "{error}");
    }

    #[tokio::test]
    async fn a_dropped_server_leaves_no_process() {
        let server = Memcached::start().await.unwrap();
        let pid = i64::from(server.pid().unwrap());
        child::signal("0", pid).unwrap();

        drop(server);

        assert!(child::signal("0", pid).is_err());
    }

    #[tokio::test]
    async fn a_paused_server_answers_after_it_is_resumed() {
        let server = Memcached::start().await.unwrap();
        server.pause().await.unwrap();
        let address = server.address();
        let question = tokio::task::spawn_blocking(move || {
            raw::exchange(&address, &Access::default(), b"version\r\n", Until::Ends(b"\r\n"))
        });
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert!(!question.is_finished());

        server.resume().await.unwrap();

        assert!(question.await.unwrap().unwrap().starts_with(b"VERSION "));
    }

    #[tokio::test(start_paused = true)]
    async fn a_paused_clock_does_not_disturb_the_start() {
        let server = Memcached::builder().arg("-m").arg("8").start().await.unwrap();

        assert_eq!(server.stat("limit_maxbytes").await.unwrap().as_deref(), Some("8388608"));
    }
}
