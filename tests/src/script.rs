//! What a scripted server does on one connection, step by step.

use std::{
    sync::{Arc, Condvar, Mutex, PoisonError},
    time::Duration,
};

/// The steps that a [`Scripted`](crate::Scripted) server takes on one connection, in order.
///
/// After the last step the connection stays open and what arrives is recorded, until the other
/// side closes it or the server is dropped.
#[derive(Clone, Debug, Default)]
pub struct Script {
    steps: Vec<Step>,
}

impl Script {
    /// Returns a script without steps: it accepts and stays silent.
    pub fn new() -> Self {
        Self::default()
    }

    /// Waits for exactly these bytes. Others end the connection and are reported.
    pub fn expect(self, bytes: impl AsRef<[u8]>) -> Self {
        self.then(Step::Expect(bytes.as_ref().to_vec()))
    }

    /// Waits for a line, whatever it says.
    pub fn expect_line(self) -> Self {
        self.then(Step::ExpectLine)
    }

    /// Sends these bytes.
    pub fn send(self, bytes: impl AsRef<[u8]>) -> Self {
        self.then(Step::Send(bytes.as_ref().to_vec()))
    }

    /// Sends the bytes before `at`, lets them travel, and sends the rest.
    pub fn split(self, bytes: impl AsRef<[u8]>, at: usize) -> Self {
        let bytes = bytes.as_ref();
        let (first, rest) = bytes.split_at(at.min(bytes.len()));
        self.send(first).sleep(TRAVEL).send(rest)
    }

    /// Sends the bytes one at a time, each in a packet of its own.
    pub fn dribble(self, bytes: impl AsRef<[u8]>) -> Self {
        bytes.as_ref().chunks(1).fold(self, |script, byte| script.send(byte).sleep(STEP))
    }

    /// Waits for what memclient asks first, and answers as version 1.6.18 that does not say which
    /// incarnation of the server it is.
    pub fn greet(self) -> Self {
        self.expect("version\r\n").send("VERSION 1.6.18\r\n").expect("stats\r\n").send("ERROR\r\n")
    }

    /// Does nothing for a while.
    pub fn sleep(self, duration: Duration) -> Self {
        self.then(Step::Sleep(duration))
    }

    /// Waits until the test opens the gate.
    pub fn wait(self, gate: &Gate) -> Self {
        self.then(Step::Wait(gate.clone()))
    }

    /// Closes the connection in good order, after what was sent.
    pub fn close(self) -> Self {
        self.then(Step::Close)
    }

    /// Breaks the connection off: the other side sees a reset.
    pub fn reset(self) -> Self {
        self.then(Step::Reset)
    }

    pub(crate) fn steps(&self) -> &[Step] {
        &self.steps
    }

    fn then(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }
}

/// A point at which a script waits for the test, in place of a sleep.
#[derive(Clone, Debug, Default)]
pub struct Gate {
    open: Arc<(Mutex<bool>, Condvar)>,
}

impl Gate {
    /// Returns a closed gate.
    pub fn new() -> Self {
        Self::default()
    }

    /// Opens the gate for all who wait and will wait.
    pub fn open(&self) {
        let (open, opened) = &*self.open;
        *open.lock().unwrap_or_else(PoisonError::into_inner) = true;
        opened.notify_all();
    }

    /// Waits a moment for the gate and tells whether it is open.
    pub(crate) fn wait(&self, moment: Duration) -> bool {
        let (open, opened) = &*self.open;
        let open = open.lock().unwrap_or_else(PoisonError::into_inner);
        *opened
            .wait_timeout_while(open, moment, |open| !*open)
            .unwrap_or_else(PoisonError::into_inner)
            .0
    }
}

#[derive(Clone, Debug)]
pub(crate) enum Step {
    Expect(Vec<u8>),
    ExpectLine,
    Send(Vec<u8>),
    Sleep(Duration),
    Wait(Gate),
    Close,
    Reset,
}

/// Long enough on loopback for the other side to read one piece before the next comes.
const TRAVEL: Duration = Duration::from_millis(10);

/// The same for pieces that come in large numbers.
const STEP: Duration = Duration::from_millis(1);
