//! A server that follows a script or asks a function.

use std::{
    fmt, io,
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Condvar, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use crate::{
    peer::Peer,
    recording::{Behaviour, Connection, Shared, State},
    request::{Answer, Request},
    script::Script,
};

/// How long a test waits for what a server shall see.
const LIMIT: Duration = Duration::from_secs(10);

/// How many connections are accepted before the server refuses more.
const CONNECTIONS: usize = 1024;

/// A loopback server that does on each connection what a [`Script`] or a function says, and
/// records every byte that it receives.
///
/// It runs on threads of its own and ends when it is dropped.
pub struct Scripted {
    address: SocketAddr,
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
}

impl Scripted {
    /// Starts a server that plays the same script on every connection.
    ///
    /// # Errors
    ///
    /// Fails if no loopback port can be opened.
    pub fn start(script: Script) -> io::Result<Self> {
        Self::each([script])
    }

    /// Starts a server that plays the first script on the first connection, and so on; the last
    /// one is played on all further connections.
    ///
    /// # Errors
    ///
    /// Fails if no loopback port can be opened.
    pub fn each(scripts: impl IntoIterator<Item = Script>) -> io::Result<Self> {
        let mut scripts: Vec<_> = scripts.into_iter().collect();
        if scripts.is_empty() {
            scripts.push(Script::new());
        }
        Self::serve(Behaviour::Scripts(scripts))
    }

    /// Starts a server that hands each whole request to `answer` and does what it returns.
    ///
    /// A `stats` right behind a `version`, as memclient begins, is answered with an error.
    ///
    /// # Errors
    ///
    /// Fails if no loopback port can be opened.
    pub fn answering<A: Into<Answer>>(
        answer: impl Fn(&Request) -> A + Send + Sync + 'static,
    ) -> io::Result<Self> {
        Self::serve(Behaviour::Answers(Box::new(move |request| answer(request).into())))
    }

    /// Returns the address as clients write it.
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// Returns how many connections were accepted.
    pub fn accepts(&self) -> usize {
        self.shared.lock().connections.len()
    }

    /// Returns all bytes received, connection after connection.
    pub fn received(&self) -> Vec<u8> {
        let state = self.shared.lock();
        state.connections.iter().flat_map(|connection| connection.received.clone()).collect()
    }

    /// Returns the bytes received on one connection, counted from 0.
    pub fn received_on(&self, connection: usize) -> Vec<u8> {
        let state = self.shared.lock();
        state.connections.get(connection).map(|it| it.received.clone()).unwrap_or_default()
    }

    /// Waits until `bytes` have been received on some connection.
    ///
    /// # Errors
    ///
    /// Fails after ten seconds and shows what was received.
    ///
    /// # Cancel safety
    ///
    /// Waiting changes nothing.
    pub async fn wait_received(&self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        let bytes = bytes.as_ref().to_vec();
        self.wait(move |state| {
            state.connections.iter().any(|connection| contains(&connection.received, &bytes))
        })
        .await
    }

    /// Waits until this many connections have been accepted.
    ///
    /// # Errors
    ///
    /// Fails after ten seconds and shows what was received.
    ///
    /// # Cancel safety
    ///
    /// Waiting changes nothing.
    pub async fn wait_accepts(&self, count: usize) -> io::Result<()> {
        self.wait(move |state| state.connections.len() >= count).await
    }

    /// Waits until the scripts of all accepted connections have been played, and tells the first
    /// step that was not followed. A server with a function has no script to wait for.
    ///
    /// # Errors
    ///
    /// Fails if bytes other than the expected ones arrived, or if a script is not at its end after
    /// ten seconds.
    ///
    /// # Cancel safety
    ///
    /// Waiting changes nothing.
    pub async fn verify(&self) -> io::Result<()> {
        let waited = self.wait(|state| state.connections.iter().all(|it| it.played)).await;
        match self.shared.lock().faults.first() {
            Some(fault) => Err(io::Error::other(fault.clone())),
            None => waited,
        }
    }

    fn serve(behaviour: Behaviour) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            behaviour,
            changed: Condvar::new(),
            state: Mutex::default(),
            stopping: AtomicBool::new(false),
        });
        let acceptor = thread::spawn({
            let shared = Arc::clone(&shared);
            move || accept(&listener, &shared)
        });
        Ok(Self { address, shared, acceptor: Some(acceptor) })
    }

    async fn wait(&self, done: impl Fn(&State) -> bool + Send + 'static) -> io::Result<()> {
        let shared = Arc::clone(&self.shared);
        tokio::task::spawn_blocking(move || {
            let (state, late) = shared
                .changed
                .wait_timeout_while(shared.lock(), LIMIT, |state| !done(state))
                .unwrap_or_else(PoisonError::into_inner);
            if late.timed_out() {
                return Err(io::Error::new(io::ErrorKind::TimedOut, state.late()));
            }
            Ok(())
        })
        .await
        .map_err(io::Error::other)?
    }
}

impl fmt::Debug for Scripted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scripted").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::SeqCst);
        for connection in &self.shared.lock().connections {
            if let Some(stream) = &connection.stream {
                let _ = stream.shutdown(Shutdown::Both);
            }
        }
        // The acceptor waits in the kernel: a last connection wakes it.
        let woken = TcpStream::connect_timeout(&self.address, LIMIT).is_ok();
        if let Some(acceptor) = self.acceptor.take()
            && woken
        {
            let _ = acceptor.join();
        }
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    let mut players = Vec::new();
    while let Ok((stream, _)) = listener.accept() {
        if shared.is_stopping() {
            break;
        }
        let number = shared.lock().connections.len();
        if number >= CONNECTIONS {
            shared.update(|state| state.faults.push("too many connections".into()));
            continue;
        }
        let (Ok(()), Ok(second)) = (stream.set_nodelay(true), stream.try_clone()) else {
            continue;
        };
        shared.update(|state| {
            state.connections.push(Connection {
                received: Vec::new(),
                stream: Some(second),
                played: matches!(shared.behaviour, Behaviour::Answers(_)),
            });
        });
        let shared = Arc::clone(shared);
        players.push(thread::spawn(move || {
            Peer { buffer: Vec::new(), number, shared: &shared, stream }.play();
        }));
    }
    // A connection accepted while the server was being dropped has not been shut down yet.
    for connection in &shared.lock().connections {
        if let Some(stream) = &connection.stream {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
    for player in players {
        let _ = player.join();
    }
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    needle.is_empty() || haystack.windows(needle.len()).any(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;
    use crate::script::Gate;

    const MOMENT: Duration = Duration::from_millis(20);

    async fn connect(server: &Scripted) -> tokio::net::TcpStream {
        tokio::net::TcpStream::connect(server.address()).await.unwrap()
    }

    async fn rest(mut stream: tokio::net::TcpStream) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).await?;
        Ok(bytes)
    }

    #[tokio::test]
    async fn a_script_is_played_in_order_and_what_came_is_recorded() {
        let script = Script::new()
            .greet()
            .expect("get k\r\n")
            .split("VALUE k 0 1\r\nv\r\nEND\r\n", 8)
            .close();
        let server = Scripted::start(script).unwrap();
        let mut stream = connect(&server).await;

        stream.write_all(b"version\r\nstats\r\nget k\r\n").await.unwrap();
        let answer = rest(stream).await.unwrap();

        assert_eq!(answer, b"VERSION 1.6.18\r\nERROR\r\nVALUE k 0 1\r\nv\r\nEND\r\n");
        assert_eq!(server.received(), b"version\r\nstats\r\nget k\r\n");
        assert_eq!(server.accepts(), 1);
        server.verify().await.unwrap();
    }

    #[tokio::test]
    async fn unexpected_bytes_are_reported_and_end_the_connection() {
        let server = Scripted::start(Script::new().expect("get k\r\n").send("END\r\n")).unwrap();
        let mut stream = connect(&server).await;

        stream.write_all(b"get j\r\n").await.unwrap();

        assert!(rest(stream).await.unwrap_or_default().is_empty());
        let fault = server.verify().await.unwrap_err().to_string();
        assert!(fault.contains(r"get j\r\n"), "{fault}");
    }

    #[tokio::test]
    async fn each_connection_has_its_script_and_the_last_one_stays() {
        let scripts = ["a", "b"].map(|text| Script::new().send(text).close());
        let server = Scripted::each(scripts).unwrap();

        for expected in ["a", "b", "b"] {
            let stream = connect(&server).await;
            assert_eq!(rest(stream).await.unwrap(), expected.as_bytes());
        }

        server.wait_accepts(3).await.unwrap();
    }

    #[tokio::test]
    async fn a_reset_is_seen_as_one() {
        let server = Scripted::start(Script::new().expect_line().reset()).unwrap();
        let mut stream = connect(&server).await;

        stream.write_all(b"mn\r\n").await.unwrap();

        let error = rest(stream).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
    }

    #[tokio::test]
    async fn a_gate_holds_the_answer_until_it_is_opened() {
        let gate = Gate::new();
        let server =
            Scripted::start(Script::new().expect("mn\r\n").wait(&gate).send("MN\r\n")).unwrap();
        let mut stream = connect(&server).await;
        stream.write_all(b"mn\r\n").await.unwrap();
        server.wait_received("mn\r\n").await.unwrap();
        let mut answer = [0; 4];
        let early = tokio::time::timeout(MOMENT, stream.read_exact(&mut answer)).await;
        assert!(early.is_err());

        gate.open();

        stream.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"MN\r\n");
    }

    #[tokio::test]
    async fn a_function_gets_whole_requests_and_decides_the_answers() {
        let server = Scripted::answering(|request| match (&request.data, &request.line[..]) {
            (Some(data), _) => Answer::Send([b"STORED ", &data[..], b"\r\n"].concat()),
            (None, b"quit") => Answer::Close(b"BYE\r\n".to_vec()),
            (None, _) => Answer::from(format!("{:?}\r\n", request.words())),
        })
        .unwrap();
        let mut stream = connect(&server).await;

        stream.write_all(b"set k 0 0 2\r\nxy\r\nget k\r\nqu").await.unwrap();
        server.wait_received("qu").await.unwrap();
        stream.write_all(b"it\r\n").await.unwrap();

        let answer = rest(stream).await.unwrap();
        assert_eq!(answer, b"STORED xy\r\n[\"get\", \"k\"]\r\nBYE\r\n");
    }

    #[tokio::test]
    async fn dropping_the_server_ends_open_connections() {
        let script = Script::new().sleep(Duration::from_secs(600));
        let server = Scripted::start(script).unwrap();
        let stream = connect(&server).await;
        server.wait_accepts(1).await.unwrap();

        drop(server);

        assert!(rest(stream).await.unwrap_or_default().is_empty());
    }
}
