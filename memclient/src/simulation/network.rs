//! A network in memory: streams whose bytes take time, come in pieces, are held back or lost.

use std::{
    collections::VecDeque,
    future::Future,
    io,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    task::{Context, Poll, Waker},
    time::Duration,
};

use fastrand::Rng;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    sync::{Notify, mpsc},
    time::{Instant, Sleep, sleep},
};

use super::log::Log;
use crate::net::{
    Address,
    simulated::{Dial, SimulatedNetwork, SimulatedStream, Wire},
};

/// How many bytes one direction of a stream holds.
const ROOM: usize = 16 * 1024;

/// The two directions of a stream.
const TO_SERVER: usize = 0;
const TO_CLIENT: usize = 1;

/// The network between one client and one server.
#[derive(Clone)]
pub(super) struct Network(Arc<Inner>);

struct Inner {
    log: Log,
    state: Mutex<State>,
    /// Rings when the weather changes.
    changed: Notify,
    accepting: mpsc::UnboundedSender<End>,
}

struct State {
    rng: Rng,
    weather: Weather,
    /// The longest that a piece takes.
    longest: Duration,
    streams: Vec<Weak<Stream>>,
    opened: u64,
    /// When somebody dialed while nobody listened.
    refused: Vec<Instant>,
    most_open: usize,
}

/// What becomes of bytes and dials.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Weather {
    Fair,
    /// Nobody listens: dials are refused at once.
    Refusing,
    /// Nothing arrives in either direction, and no dial is answered.
    Dark,
    /// What the client sends does not arrive.
    Deaf,
    /// What the server sends does not arrive.
    Mute,
}

/// How a stream ends that nobody has closed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Loss {
    /// Both sides learn of it at once.
    Reset,
    /// The client sees the end of what the server sends.
    Ended,
    /// The client learns of it only when it writes to a server that is back.
    Unnoticed,
}

impl Network {
    /// Returns the network, and what a server accepts over it.
    pub(super) fn new(mut rng: Rng, log: Log) -> (Self, mpsc::UnboundedReceiver<End>) {
        let (accepting, accepted) = mpsc::unbounded_channel();
        let longest = Duration::from_micros(rng.u64(100..8_000));
        let state = State {
            rng,
            weather: Weather::Fair,
            longest,
            streams: Vec::new(),
            opened: 0,
            refused: Vec::new(),
            most_open: 0,
        };
        let state = Mutex::new(state);
        (Self(Arc::new(Inner { log, state, changed: Notify::new(), accepting })), accepted)
    }

    pub(super) fn turn(&self, weather: Weather) {
        self.0.log.note(format_args!("weather {weather:?}"));
        let streams = {
            let mut state = self.state();
            state.weather = weather;
            state.open_streams()
        };
        for stream in streams {
            stream.hold(weather);
        }
        self.0.changed.notify_waiters();
    }

    /// Loses every open stream.
    pub(super) fn lose_all(&self, loss: Loss) {
        for stream in self.open_streams() {
            stream.lose(loss, &self.0.log);
        }
    }

    /// Loses one open stream, if there is one.
    pub(super) fn lose_one(&self, loss: Loss) {
        let streams = self.open_streams();
        if streams.is_empty() {
            return;
        }
        let chosen = self.state().rng.usize(..streams.len());
        streams[chosen].lose(loss, &self.0.log);
    }

    /// Returns how many streams are dead without the client's knowledge.
    pub(super) fn unnoticed(&self) -> usize {
        let streams = self.state().streams.iter().filter_map(Weak::upgrade).collect::<Vec<_>>();
        streams.iter().filter(|stream| stream.state().fate == Some(Loss::Unnoticed)).count()
    }

    /// Returns when somebody dialed in vain.
    pub(super) fn take_refused(&self) -> Vec<Instant> {
        std::mem::take(&mut self.state().refused)
    }

    /// Returns how many streams the client had open at most, and how many it has now.
    pub(super) fn open(&self) -> (usize, usize) {
        let mut state = self.state();
        let now = state.held_by_client();
        (state.most_open, now)
    }

    fn open_streams(&self) -> Vec<Arc<Stream>> {
        self.state().open_streams()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn open_stream(&self) -> io::Result<Wire> {
        self.0.log.note(format_args!("dial"));
        let delay = self.delay();
        sleep(delay).await;
        loop {
            let mut changed = std::pin::pin!(self.0.changed.notified());
            changed.as_mut().enable();
            let weather = self.state().weather;
            match weather {
                Weather::Refusing => {
                    self.state().refused.push(Instant::now());
                    self.0.log.note(format_args!("refused"));
                    return Err(io::ErrorKind::ConnectionRefused.into());
                }
                Weather::Dark => changed.await,
                Weather::Fair | Weather::Deaf | Weather::Mute => break,
            }
        }
        let stream = {
            let mut state = self.state();
            state.opened += 1;
            let stream = Arc::new(Stream {
                network: self.clone(),
                number: state.opened,
                state: Mutex::new(StreamState::default()),
            });
            state.streams.push(Arc::downgrade(&stream));
            let open = state.held_by_client();
            state.most_open = state.most_open.max(open);
            stream.hold(state.weather);
            stream
        };
        self.0.log.note(format_args!("open {}", stream.number));
        // A server that is down has no stream that it could accept.
        let _ = self.0.accepting.send(End::new(Arc::clone(&stream), TO_CLIENT));
        Ok(Box::new(End::new(stream, TO_SERVER)))
    }

    fn delay(&self) -> Duration {
        let mut state = self.state();
        let share = state.rng.f64();
        state.longest.mul_f64(share)
    }
}

impl SimulatedNetwork for Network {
    fn dial<'a>(&'a self, _: &'a Address) -> Dial<'a> {
        Box::pin(self.open_stream())
    }
}

impl State {
    fn open_streams(&mut self) -> Vec<Arc<Stream>> {
        self.streams.retain(|stream| stream.strong_count() > 0);
        let streams = self.streams.iter().filter_map(Weak::upgrade);
        streams.filter(|stream| stream.state().fate.is_none()).collect()
    }

    fn held_by_client(&mut self) -> usize {
        self.streams.retain(|stream| stream.strong_count() > 0);
        let streams = self.streams.iter().filter_map(Weak::upgrade);
        // What is lost and not dropped yet is no connection any more.
        let held = |stream: &Arc<Stream>| {
            let state = stream.state();
            !state.dropped[TO_SERVER] && state.fate.is_none()
        };
        streams.filter(held).count()
    }
}

/// Both directions of a stream.
struct Stream {
    network: Network,
    number: u64,
    state: Mutex<StreamState>,
}

#[derive(Default)]
struct StreamState {
    lanes: [Lane; 2],
    /// Whose end, named by the direction in which it writes, is gone.
    dropped: [bool; 2],
    fate: Option<Loss>,
}

#[derive(Default)]
struct Lane {
    /// Pieces, and when each arrives.
    pieces: VecDeque<(Instant, VecDeque<u8>)>,
    bytes: usize,
    held: bool,
    ended: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

impl Lane {
    fn wake(&mut self) {
        self.reader.take().into_iter().chain(self.writer.take()).for_each(Waker::wake);
    }
}

impl Stream {
    fn state(&self) -> MutexGuard<'_, StreamState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hold(&self, weather: Weather) {
        let mut state = self.state();
        let held = [
            matches!(weather, Weather::Dark | Weather::Deaf),
            matches!(weather, Weather::Dark | Weather::Mute),
        ];
        for (lane, held) in state.lanes.iter_mut().zip(held) {
            lane.held = held;
            lane.wake();
        }
    }

    fn lose(&self, loss: Loss, log: &Log) {
        log.note(format_args!("lose {} {loss:?}", self.number));
        let mut state = self.state();
        state.fate = Some(loss);
        // What had not arrived never will.
        for lane in &mut state.lanes {
            lane.pieces.clear();
            lane.bytes = 0;
            lane.held = false;
        }
        state.lanes[TO_CLIENT].ended = loss == Loss::Ended;
        for lane in &mut state.lanes {
            lane.wake();
        }
    }
}

/// One end of a stream; dropping it ends what it writes.
pub(super) struct End {
    stream: Arc<Stream>,
    /// The direction in which it writes.
    writes: usize,
    arrival: Pin<Box<Sleep>>,
}

impl End {
    fn new(stream: Arc<Stream>, writes: usize) -> Self {
        Self { stream, writes, arrival: Box::pin(sleep(Duration::ZERO)) }
    }

    /// Returns how an operation of this end fails, if the stream is lost for it.
    fn failure(&self, fate: Option<Loss>, is_write: bool) -> Option<io::Error> {
        let is_client = self.writes == TO_SERVER;
        let lost = match fate? {
            Loss::Reset => true,
            Loss::Ended => !is_client || is_write,
            // The server, if it is back, knows nothing of the stream.
            Loss::Unnoticed => {
                !is_client || is_write && self.stream.network.state().weather == Weather::Fair
            }
        };
        lost.then(|| io::ErrorKind::ConnectionReset.into())
    }
}

impl SimulatedStream for End {}

impl AsyncRead for End {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let stream = Arc::clone(&self.stream);
        loop {
            let mut state = stream.state();
            if let Some(failure) = self.failure(state.fate, false) {
                return Poll::Ready(Err(failure));
            }
            let lane = &mut state.lanes[1 - self.writes];
            lane.reader = Some(cx.waker().clone());
            if lane.held {
                return Poll::Pending;
            }
            let now = Instant::now();
            let Some((arrives, piece)) = lane.pieces.front_mut() else {
                return if lane.ended { Poll::Ready(Ok(())) } else { Poll::Pending };
            };
            if *arrives > now {
                let arrives = *arrives;
                drop(state);
                self.arrival.as_mut().reset(arrives);
                match self.arrival.as_mut().poll(cx) {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(()) => continue,
                }
            }
            let most = piece.len().min(buf.remaining());
            let count = {
                let rng = &mut stream.network.state().rng;
                if rng.u8(..4) == 0 { rng.usize(1..=most) } else { most }
            };
            let bytes: Vec<u8> = piece.drain(..count).collect();
            if piece.is_empty() {
                lane.pieces.pop_front();
            }
            lane.bytes -= count;
            let writer = lane.writer.take();
            drop(state);
            buf.put_slice(&bytes);
            let (number, side) = (stream.number, 1 - self.writes);
            let head = bytes[..count.min(60)].escape_ascii();
            stream.network.0.log.note(format_args!("read {number}.{side} {count} {head}"));
            writer.into_iter().for_each(Waker::wake);
            return Poll::Ready(Ok(()));
        }
    }
}

impl AsyncWrite for End {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let delay = self.stream.network.delay();
        let mut state = self.stream.state();
        if let Some(failure) = self.failure(state.fate, true) {
            // Now the client knows.
            state.fate = Some(Loss::Reset);
            state.lanes.iter_mut().for_each(Lane::wake);
            return Poll::Ready(Err(failure));
        }
        if state.dropped[1 - self.writes] {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let is_lost = state.fate.is_some();
        let lane = &mut state.lanes[self.writes];
        let count = (ROOM - lane.bytes).min(buf.len());
        if count == 0 {
            lane.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }
        if !is_lost {
            let last = lane.pieces.back().map(|(arrives, _)| *arrives);
            let arrives = (Instant::now() + delay).max(last.unwrap_or_else(Instant::now));
            lane.pieces.push_back((arrives, buf[..count].iter().copied().collect()));
            lane.bytes += count;
            let reader = lane.reader.take();
            drop(state);
            reader.into_iter().for_each(Waker::wake);
        }
        Poll::Ready(Ok(count))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl std::fmt::Debug for End {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "End({}.{})", self.stream.number, self.writes)
    }
}

impl Drop for End {
    fn drop(&mut self) {
        let mut state = self.stream.state();
        state.dropped[self.writes] = true;
        state.lanes[self.writes].ended = true;
        state.lanes.iter_mut().for_each(Lane::wake);
    }
}
