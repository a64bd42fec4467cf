//! A proxy that does to the bytes between a client and a server what networks do.

use std::{
    collections::HashMap,
    fmt,
    io::{self, Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread::{self, JoinHandle, Scope},
    time::Duration,
};

use fastrand::Rng;
use socket2::SockRef;

use crate::mischief::{Counts, Mischief, PAUSE, TRICKLE};

/// The most bytes that are passed on at once.
const CHUNK: usize = 64 * 1024;

/// In how many pieces a chunk is split at most, so that a large value does not take all day.
const PIECES: u32 = 8;

/// How often in a second a limited direction moves, at least.
const BEATS: usize = 200;

/// A loopback proxy in front of a server, with [`Faults`] that are the same for the same seed and a
/// [`Mode`] that the test changes.
///
/// It runs on threads of its own, counts what it sees, and ends when it is dropped.
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
}

/// What happens to all bytes of all connections, in both directions.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    seed: u64,
    delay: Option<Duration>,
    split: bool,
    bandwidth: Option<usize>,
    buffers: Option<usize>,
    cut_within: Option<u64>,
    mischief: Vec<Mischief>,
    calm: u64,
}

/// What the proxy does at present.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Mode {
    /// Passes bytes on.
    Pass,
    /// Accepts connections and keeps every byte back until the mode changes.
    Hold,
    /// Accepts connections and loses every byte.
    Swallow,
    /// Cuts the connections that are open, and resets new ones as soon as they are accepted.
    Refuse,
}

impl Faults {
    /// Returns no faults: bytes are passed on as they come.
    pub fn none() -> Self {
        Self::default()
    }

    /// Decides what chance does. Defaults to 0.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Keeps every fourth chunk back for a random time up to this one.
    pub fn delay(mut self, most: Duration) -> Self {
        self.delay = Some(most);
        self
    }

    /// Passes bytes on in pieces of random sizes down to one byte, small ones as likely as large.
    pub fn split(mut self) -> Self {
        self.split = true;
        self
    }

    /// Passes on no more than so many bytes a second in each direction of a connection.
    pub fn bandwidth(mut self, bytes: usize) -> Self {
        self.bandwidth = Some(bytes.max(1));
        self
    }

    /// Asks the system for socket buffers of this size; it has a smallest one of its own.
    pub fn buffers(mut self, bytes: usize) -> Self {
        self.buffers = Some(bytes);
        self
    }

    /// Cuts each connection after a random number of bytes up to this one.
    pub fn cut_within(mut self, bytes: u64) -> Self {
        self.cut_within = Some(bytes.max(1));
        self
    }

    /// Does one of these to each connection, within so many bytes of its replies.
    pub fn mischief(mut self, all: &[Mischief], within: u64) -> Self {
        self.mischief = all.to_vec();
        self.calm = within.max(1);
        self
    }

    /// Returns what will happen to a connection, counted from 0, and behind how many bytes of its
    /// replies: the same for the same seed.
    pub fn plan(&self, connection: u64) -> Option<(Mischief, u64)> {
        let mut rng = self.chance(connection, 3);
        let mischief = rng.choice(&self.mischief).copied()?;
        Some((mischief, rng.u64(..self.calm)))
    }

    fn chance(&self, connection: u64, part: u64) -> Rng {
        Rng::with_seed(self.seed.wrapping_add(connection * 4 + part))
    }
}

impl Proxy {
    /// Starts a proxy before the server at `server`, written as `host:port`.
    ///
    /// # Errors
    ///
    /// Fails if no loopback port can be opened.
    pub fn start(server: impl Into<String>, faults: Faults) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        if let Some(bytes) = faults.buffers {
            // Accepted connections inherit it, before the first byte.
            shrink(&SockRef::from(&listener), bytes)?;
        }
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            server: server.into(),
            faults,
            state: Mutex::new(State { mode: Mode::Pass, ending: false, open: HashMap::new() }),
            changed: Condvar::new(),
            accepts: AtomicU64::new(0),
            bytes: [AtomicU64::new(0), AtomicU64::new(0)],
            counts: Counts::default(),
            forged: AtomicU64::new(0),
        });
        let acceptor = thread::spawn({
            let shared = Arc::clone(&shared);
            // The scope ends when all connections have: a dropped proxy leaves no thread.
            move || thread::scope(|scope| shared.accept(scope, &listener))
        });
        Ok(Self { address, shared, acceptor: Some(acceptor) })
    }

    /// Returns the address as clients write it.
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// Changes what the proxy does from now on.
    pub fn set(&self, mode: Mode) {
        let mut state = self.shared.state();
        state.mode = mode;
        if mode == Mode::Refuse {
            state.cut();
        }
        drop(state);
        self.shared.changed.notify_all();
    }

    /// Cuts the connections that are open now.
    pub fn cut(&self) {
        self.shared.state().cut();
    }

    /// Returns how many connections were accepted: how often clients dialed.
    pub fn accepts(&self) -> u64 {
        self.shared.accepts.load(Ordering::SeqCst)
    }

    /// Returns how many bytes came from clients.
    pub fn bytes_up(&self) -> u64 {
        self.shared.bytes[UP].load(Ordering::SeqCst)
    }

    /// Returns how many bytes came from the server.
    pub fn bytes_down(&self) -> u64 {
        self.shared.bytes[DOWN].load(Ordering::SeqCst)
    }

    /// Returns how many connections are open.
    pub fn open(&self) -> usize {
        self.shared.state().open.len()
    }

    /// Returns how many lines of replies arrived more often than they were sent.
    pub fn forged(&self) -> u64 {
        self.shared.forged.load(Ordering::SeqCst)
    }

    /// Returns how often this has happened.
    pub fn count(&self, mischief: Mischief) -> u64 {
        self.shared.counts.of(mischief)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        {
            let mut state = self.shared.state();
            state.ending = true;
            state.cut();
        }
        self.shared.changed.notify_all();
        // Wakes the acceptor, which sees then that it is over.
        let _ = TcpStream::connect(self.address);
        if let Some(acceptor) = self.acceptor.take() {
            let _ = acceptor.join();
        }
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxy")
            .field("address", &self.address)
            .field("server", &self.shared.server)
            .finish_non_exhaustive()
    }
}

const UP: usize = 0;
const DOWN: usize = 1;

struct Shared {
    server: String,
    faults: Faults,
    state: Mutex<State>,
    changed: Condvar,
    accepts: AtomicU64,
    bytes: [AtomicU64; 2],
    counts: Counts,
    forged: AtomicU64,
}

struct State {
    mode: Mode,
    ending: bool,
    /// Both ends of each connection, by its number.
    open: HashMap<u64, [TcpStream; 2]>,
}

impl State {
    fn cut(&self) {
        for stream in self.open.values().flatten() {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn accept<'scope>(&'scope self, scope: &'scope Scope<'scope, '_>, listener: &TcpListener) {
        for client in listener.incoming() {
            let (ending, mode) = {
                let state = self.state();
                (state.ending, state.mode)
            };
            if ending {
                return;
            }
            let Ok(client) = client else { continue };
            let number = self.accepts.fetch_add(1, Ordering::SeqCst);
            if mode == Mode::Refuse {
                reset(&client);
                continue;
            }
            if let Some((Mischief::Stall, _)) = self.faults.plan(number) {
                self.counts.count(Mischief::Stall);
                thread::sleep(PAUSE);
            }
            scope.spawn(move || self.serve(number, &client));
        }
    }

    /// Passes bytes on until one side ends.
    fn serve(&self, number: u64, client: &TcpStream) {
        let Ok(server) = self.connect(client, number) else { return reset(client) };
        let left = match self.faults.cut_within {
            Some(bytes) => self.faults.chance(number, 2).u64(1..=bytes),
            None => u64::MAX,
        };
        let left = AtomicU64::new(left);
        let pump = |direction| Pump {
            shared: self,
            direction,
            left: &left,
            rng: self.faults.chance(number, direction as u64),
            trouble: self
                .faults
                .plan(number)
                .filter(|&(mischief, _)| direction == DOWN && mischief != Mischief::Stall),
            lost: false,
        };
        thread::scope(|scope| {
            scope.spawn(|| pump(DOWN).run(&server, client));
            pump(UP).run(client, &server);
        });
        self.state().open.remove(&number);
    }

    fn connect(&self, client: &TcpStream, number: u64) -> io::Result<TcpStream> {
        let server = TcpStream::connect(&self.server)?;
        for stream in [client, &server] {
            stream.set_nodelay(true)?;
            if let Some(bytes) = self.faults.buffers {
                shrink(&SockRef::from(stream), bytes)?;
            }
        }
        let both = [client.try_clone()?, server.try_clone()?];
        let mut state = self.state();
        if state.ending || state.mode == Mode::Refuse {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        state.open.insert(number, both);
        Ok(server)
    }

    /// Waits until bytes may move; false when they are to be lost.
    fn passes(&self) -> bool {
        let state = self.state();
        let held = |state: &mut State| state.mode == Mode::Hold && !state.ending;
        let state = self.changed.wait_while(state, held).unwrap_or_else(PoisonError::into_inner);
        state.mode != Mode::Swallow
    }
}

/// One direction of one connection.
struct Pump<'a> {
    shared: &'a Shared,
    direction: usize,
    /// How many bytes may pass before the connection is cut.
    left: &'a AtomicU64,
    rng: Rng,
    /// What is still to go wrong, and behind how many bytes.
    trouble: Option<(Mischief, u64)>,
    /// Whether bytes are read and not passed on.
    lost: bool,
}

impl Pump<'_> {
    fn run(mut self, from: &TcpStream, to: &TcpStream) {
        let ended = self.pass(from, to);
        if ended.is_ok() {
            // The other direction may go on.
            let _ = to.shutdown(Shutdown::Write);
            return;
        }
        if ended.is_err_and(|error| error.kind() == io::ErrorKind::ConnectionReset) {
            // What is closed without an end before is reset.
            reset(to);
            let _ = to.shutdown(Shutdown::Read);
            let _ = from.shutdown(Shutdown::Both);
            return;
        }
        for stream in [from, to] {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    fn pass(&mut self, mut from: &TcpStream, to: &TcpStream) -> io::Result<()> {
        let chunk = self.shared.faults.bandwidth.map_or(CHUNK, |bytes| bytes / BEATS);
        let mut buffer = vec![0; chunk.clamp(1, CHUNK)];
        loop {
            let count = from.read(&mut buffer)?;
            if count == 0 {
                return Ok(());
            }
            self.shared.bytes[self.direction].fetch_add(count as u64, Ordering::SeqCst);
            if !self.shared.passes() || self.lost {
                continue;
            }
            match self.due(count) {
                Some((mischief, at)) => self.harm(mischief, &buffer[..count], at, to)?,
                None => self.hand_over(&buffer[..count], to)?,
            }
        }
    }

    /// Returns what happens within the next bytes, and at which of them.
    fn due(&mut self, count: usize) -> Option<(Mischief, usize)> {
        let (mischief, left) = self.trouble.as_mut()?;
        let (mischief, at) = (*mischief, usize::try_from(*left).unwrap_or(usize::MAX));
        if at >= count {
            *left -= count as u64;
            return None;
        }
        self.trouble = None;
        self.shared.counts.count(mischief);
        Some((mischief, at))
    }

    fn harm(
        &mut self,
        mischief: Mischief,
        bytes: &[u8],
        at: usize,
        to: &TcpStream,
    ) -> io::Result<()> {
        let (before, behind) = bytes.split_at(at);
        match mischief {
            Mischief::Delay => {
                self.hand_over(before, to)?;
                thread::sleep(PAUSE);
                self.hand_over(behind, to)
            }
            Mischief::Trickle => {
                let (slow, rest) = behind.split_at(TRICKLE.0.min(behind.len()));
                self.hand_over(before, to)?;
                for byte in slow.chunks(1) {
                    self.hand_over(byte, to)?;
                    thread::sleep(TRICKLE.1);
                }
                self.hand_over(rest, to)
            }
            Mischief::Reset => {
                self.hand_over(before, to)?;
                Err(io::ErrorKind::ConnectionReset.into())
            }
            Mischief::HalfClose => {
                self.lost = true;
                self.hand_over(before, to)?;
                to.shutdown(Shutdown::Write)
            }
            Mischief::BlackHole => {
                self.lost = true;
                self.hand_over(before, to)
            }
            _ => {
                let twisted = mischief.twist(bytes, at, &mut self.rng);
                if matches!(mischief, Mischief::Duplicate | Mischief::Extra) {
                    let lines = twisted.iter().skip(bytes.len()).filter(|&&byte| byte == b'\n');
                    self.shared.forged.fetch_add(lines.count() as u64, Ordering::SeqCst);
                }
                self.hand_over(&twisted, to)
            }
        }
    }

    fn hand_over(&mut self, bytes: &[u8], mut to: &TcpStream) -> io::Result<()> {
        let faults = &self.shared.faults;
        if let Some(most) = faults.delay.filter(|_| self.rng.u8(..) < 64) {
            thread::sleep(most.mul_f64(self.rng.f64()));
        }
        if let Some(bandwidth) = faults.bandwidth {
            #[allow(clippy::cast_precision_loss, reason = "no more exact than a sleep")]
            thread::sleep(Duration::from_secs_f64(bytes.len() as f64 / bandwidth as f64));
        }
        let (mut rest, mut pieces) = (bytes, if faults.split { PIECES } else { 1 });
        while !rest.is_empty() {
            pieces -= 1;
            let count = if pieces > 0 { self.piece(rest.len()) } else { rest.len() };
            let (piece, behind) = rest.split_at(count);
            rest = behind;
            let left = self.left.load(Ordering::SeqCst);
            let allowed = piece.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            self.left.store(left - allowed as u64, Ordering::SeqCst);
            to.write_all(&piece[..allowed])?;
            if allowed < piece.len() {
                return Err(io::ErrorKind::ConnectionAborted.into());
            }
            if !rest.is_empty() && self.rng.u8(..) < 64 {
                // Lets the other side see the piece by itself.
                thread::yield_now();
            }
        }
        Ok(())
    }

    /// Returns the size of the next piece.
    fn piece(&mut self, most: usize) -> usize {
        let magnitude = 1 << self.rng.u32(0..=most.ilog2());
        self.rng.usize(1..=magnitude)
    }
}

fn reset(stream: &TcpStream) {
    let _ = SockRef::from(stream).set_linger(Some(Duration::ZERO));
}

fn shrink(socket: &SockRef<'_>, bytes: usize) -> io::Result<()> {
    socket.set_recv_buffer_size(bytes)?;
    socket.set_send_buffer_size(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Starts a server that sends back what it receives.
    fn echo() -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                thread::spawn(move || io::copy(&mut &stream, &mut &stream));
            }
        });
        address.to_string()
    }

    fn dial(proxy: &Proxy) -> TcpStream {
        let stream = TcpStream::connect(proxy.address()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        stream
    }

    fn asks(mut stream: &TcpStream, question: &[u8]) -> io::Result<Vec<u8>> {
        stream.write_all(question)?;
        let mut answer = vec![0; question.len()];
        stream.read_exact(&mut answer)?;
        Ok(answer)
    }

    #[test]
    fn bytes_arrive_whole_and_in_order_whatever_delays_and_splits_them() {
        let faults = Faults::none().seed(7).split().delay(Duration::from_millis(1)).buffers(4096);
        let proxy = Proxy::start(echo(), faults.bandwidth(50_000_000)).unwrap();
        let stream = dial(&proxy);
        let sent: Vec<u8> = (0..20_000_u32).map(|number| (number % 251) as u8).collect();

        assert_eq!(asks(&stream, &sent).unwrap(), sent);

        assert_eq!(proxy.accepts(), 1);
        assert_eq!((proxy.bytes_up(), proxy.bytes_down()), (20_000, 20_000));
    }

    #[test]
    fn what_is_held_arrives_later_and_what_is_swallowed_never() {
        let proxy = Proxy::start(echo(), Faults::none()).unwrap();
        let mut stream = dial(&proxy);
        proxy.set(Mode::Hold);
        stream.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        stream.write_all(b"held").unwrap();
        let mut answer = [0; 4];
        assert!(stream.read_exact(&mut answer).is_err());

        proxy.set(Mode::Pass);
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        stream.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"held");

        proxy.set(Mode::Swallow);
        stream.write_all(b"lost").unwrap();
        stream.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        assert!(stream.read_exact(&mut answer).is_err());
    }

    #[test]
    fn a_refusing_proxy_cuts_and_counts_and_comes_back() {
        let proxy = Proxy::start(echo(), Faults::none()).unwrap();
        let stream = dial(&proxy);
        asks(&stream, b"works").unwrap();

        proxy.set(Mode::Refuse);
        assert!(asks(&stream, b"cut").is_err());
        assert!(asks(&dial(&proxy), b"reset").is_err());

        proxy.set(Mode::Pass);
        asks(&dial(&proxy), b"works").unwrap();
        assert_eq!(proxy.accepts(), 3);
    }

    #[test]
    fn a_connection_is_cut_within_the_bytes_that_were_named() {
        let proxy = Proxy::start(echo(), Faults::none().cut_within(100)).unwrap();

        assert!(asks(&dial(&proxy), &[b'x'; 101]).is_err());
    }

    #[test]
    fn each_mischief_does_what_it_says_and_is_counted() {
        for mischief in Mischief::ALL {
            let faults = Faults::none().seed(3).mischief(&[mischief], 8);
            assert_eq!(faults.plan(0), faults.clone().plan(0));
            let proxy = Proxy::start(echo(), faults).unwrap();
            let mut stream = dial(&proxy);
            stream.write_all(b"0123456789").unwrap();
            stream.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
            let (mut answer, mut byte) = (Vec::new(), [0]);
            let ended = loop {
                match stream.read(&mut byte) {
                    Ok(0) => break None,
                    Ok(_) => answer.extend(byte),
                    Err(error) => break Some(error.kind()),
                }
            };

            let silent = ended == Some(io::ErrorKind::WouldBlock);
            let right = match mischief {
                Mischief::Delay | Mischief::Trickle | Mischief::Stall => answer == b"0123456789",
                Mischief::Reset => ended == Some(io::ErrorKind::ConnectionReset),
                Mischief::HalfClose => ended.is_none() && answer.len() < 10,
                Mischief::BlackHole | Mischief::Truncate => silent && answer.len() < 10,
                Mischief::Duplicate => answer == b"01234567890123456789",
                Mischief::Garbage => answer.len() == 10 && answer != b"0123456789",
                Mischief::Extra => answer.len() > 10 && answer.starts_with(b"0123456789"),
            };
            assert!(right, "{mischief:?}: {answer:?} {ended:?}");
            assert_eq!(proxy.count(mischief), 1, "{mischief:?}");
        }
    }

    #[test]
    fn a_dropped_proxy_ends_its_connections_and_its_port() {
        let proxy = Proxy::start(echo(), Faults::none()).unwrap();
        let (stream, address) = (dial(&proxy), proxy.address());
        asks(&stream, b"works").unwrap();

        drop(proxy);

        assert!(asks(&stream, b"over").is_err());
        assert!(TcpStream::connect(address).is_err());
    }
}
