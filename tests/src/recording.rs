//! What a scripted server has seen, shared by its threads and the test.

use std::{
    net::TcpStream,
    sync::{
        Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use crate::{
    request::{Answer, Request},
    script::Script,
};

/// What the threads of a scripted server share.
pub(crate) struct Shared {
    pub(crate) behaviour: Behaviour,
    pub(crate) changed: Condvar,
    pub(crate) state: Mutex<State>,
    pub(crate) stopping: AtomicBool,
}

impl Shared {
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn update(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.lock());
        self.changed.notify_all();
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::SeqCst)
    }
}

/// Who decides what is sent.
pub(crate) enum Behaviour {
    Scripts(Vec<Script>),
    Answers(Box<dyn Fn(&Request) -> Answer + Send + Sync>),
}

/// What has happened so far.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) connections: Vec<Connection>,
    pub(crate) faults: Vec<String>,
}

impl State {
    pub(crate) fn late(&self) -> String {
        let received = self.connections.iter().enumerate().map(|(number, connection)| {
            format!("; connection {number} received \"{}\"", connection.received.escape_ascii())
        });
        format!("it did not happen in time{}", received.collect::<String>())
    }
}

/// One accepted connection.
pub(crate) struct Connection {
    pub(crate) received: Vec<u8>,
    /// A second handle by which a drop wakes the thread that reads; gone once the connection ends.
    pub(crate) stream: Option<TcpStream>,
    pub(crate) played: bool,
}
