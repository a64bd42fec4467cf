//! One connection of a scripted server, served on a thread of its own.

use std::{
    io::{Read, Write},
    net::{Shutdown, TcpStream},
    thread,
    time::{Duration, Instant},
};

use socket2::SockRef;

use crate::{
    raw::is_pause,
    recording::{Behaviour, Shared},
    request::{Answer, Request},
    script::{Script, Step},
};

/// How long a script waits for bytes.
const LIMIT: Duration = Duration::from_secs(10);

/// How often a waiting script looks whether the server is being dropped.
const TICK: Duration = Duration::from_millis(20);

/// How many bytes are recorded before the server refuses more.
const RECORDED: usize = 64 * 1024 * 1024;

/// One accepted connection and what was read from it but not used yet.
pub(crate) struct Peer<'a> {
    pub(crate) buffer: Vec<u8>,
    pub(crate) number: usize,
    pub(crate) shared: &'a Shared,
    pub(crate) stream: TcpStream,
}

/// Why a connection ends.
enum End {
    /// In good order, by one side or the other.
    Closed,
    /// By a reset.
    Reset,
    /// By bytes that the script did not expect.
    Fault(String),
}

impl Peer<'_> {
    /// Does what the behaviour says until the connection ends.
    pub(crate) fn play(mut self) {
        let end = match &self.shared.behaviour {
            Behaviour::Scripts(scripts) => {
                let script = scripts.get(self.number).or(scripts.last());
                self.follow(script.map_or(&[], Script::steps))
            }
            Behaviour::Answers(answer) => self.answer(answer),
        };
        let fault = match &end {
            Err(End::Fault(text)) if !self.shared.is_stopping() => {
                Some(format!("connection {}: {text}", self.number))
            }
            _ => None,
        };
        if let Err(End::Reset) = end {
            let _ = SockRef::from(&self.stream).set_linger(Some(Duration::ZERO));
        } else {
            let _ = self.stream.shutdown(Shutdown::Write);
            self.drain();
        }
        let number = self.number;
        let shared = self.shared;
        // Both handles go before anybody is told: a close is only one when no handle is left.
        let second = shared.lock().connections[number].stream.take();
        drop(second);
        drop(self);
        shared.update(|state| {
            state.connections[number].played = true;
            state.faults.extend(fault);
        });
    }

    fn follow(&mut self, steps: &[Step]) -> Result<(), End> {
        for (place, step) in steps.iter().enumerate() {
            match step {
                Step::Expect(bytes) => self.expect(place, bytes)?,
                Step::ExpectLine => self.expect_line(place)?,
                Step::Send(bytes) => self.send(bytes)?,
                Step::Sleep(duration) => self.pause(*duration)?,
                Step::Wait(gate) => {
                    while !gate.wait(TICK) {
                        self.go_on()?;
                    }
                }
                Step::Close => return Err(End::Closed),
                Step::Reset => return Err(End::Reset),
            }
        }
        self.shared.update(|state| state.connections[self.number].played = true);
        loop {
            self.buffer.clear();
            self.fill(None)?;
        }
    }

    fn answer(&mut self, answer: &(dyn Fn(&Request) -> Answer + Send + Sync)) -> Result<(), End> {
        let mut greeted = false;
        loop {
            while let Some(request) = Request::take(self.number, &mut self.buffer) {
                if std::mem::replace(&mut greeted, request.line == b"version")
                    && request.line == b"stats"
                {
                    self.send(b"ERROR\r\n")?;
                    continue;
                }
                match answer(&request) {
                    Answer::Send(bytes) => self.send(&bytes)?,
                    Answer::Close(bytes) => {
                        self.send(&bytes)?;
                        return Err(End::Closed);
                    }
                    Answer::Reset => return Err(End::Reset),
                }
            }
            self.fill(None)?;
        }
    }

    fn expect(&mut self, place: usize, bytes: &[u8]) -> Result<(), End> {
        let deadline = Instant::now() + LIMIT;
        loop {
            let common = self.buffer.len().min(bytes.len());
            let matches = self.buffer[..common] == bytes[..common];
            if matches && common == bytes.len() {
                self.buffer.drain(..common);
                return Ok(());
            }
            if !matches || self.fill(Some(deadline)).is_err() {
                let (expected, found) = (bytes.escape_ascii(), self.buffer.escape_ascii());
                let text = format!("step {place} expected \"{expected}\" and received \"{found}\"");
                return Err(End::Fault(text));
            }
        }
    }

    fn expect_line(&mut self, place: usize) -> Result<(), End> {
        let deadline = Instant::now() + LIMIT;
        loop {
            if let Some(end) = self.buffer.iter().position(|&byte| byte == b'\n') {
                self.buffer.drain(..=end);
                return Ok(());
            }
            if self.fill(Some(deadline)).is_err() {
                let found = self.buffer.escape_ascii();
                let text = format!("step {place} expected a line and received \"{found}\"");
                return Err(End::Fault(text));
            }
        }
    }

    fn send(&mut self, bytes: &[u8]) -> Result<(), End> {
        self.stream.write_all(bytes).map_err(|_| End::Closed)
    }

    fn pause(&self, duration: Duration) -> Result<(), End> {
        let end = Instant::now() + duration;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            self.go_on()?;
            thread::sleep(left.min(TICK));
        }
    }

    fn go_on(&self) -> Result<(), End> {
        if self.shared.is_stopping() { Err(End::Closed) } else { Ok(()) }
    }

    /// Reads what there is, waiting for the first byte.
    fn fill(&mut self, deadline: Option<Instant>) -> Result<(), End> {
        let mut chunk = [0; 16 * 1024];
        loop {
            let left = deadline.map(|it| it.saturating_duration_since(Instant::now()));
            if left.is_some_and(|left| left.is_zero()) || self.shared.is_stopping() {
                return Err(End::Closed);
            }
            self.stream.set_read_timeout(left).map_err(|_| End::Closed)?;
            match self.stream.read(&mut chunk) {
                Ok(0) => return Err(End::Closed),
                Ok(read) => return self.record(&chunk[..read]),
                Err(error) if is_pause(&error) => {}
                Err(_) => return Err(End::Closed),
            }
        }
    }

    fn record(&mut self, bytes: &[u8]) -> Result<(), End> {
        self.buffer.extend_from_slice(bytes);
        let mut full = false;
        self.shared.update(|state| {
            let recorded: usize = state.connections.iter().map(|it| it.received.len()).sum();
            full = recorded + bytes.len() > RECORDED;
            if !full {
                state.connections[self.number].received.extend_from_slice(bytes);
            }
        });
        if full { Err(End::Fault("more was received than is recorded".into())) } else { Ok(()) }
    }

    /// Takes what has arrived: closing with unread bytes would be a reset.
    fn drain(&mut self) {
        let mut chunk = [0; 16 * 1024];
        if self.stream.set_nonblocking(true).is_err() {
            return;
        }
        while let Ok(read) = self.stream.read(&mut chunk)
            && read > 0
            && self.record(&chunk[..read]).is_ok()
        {}
    }
}
