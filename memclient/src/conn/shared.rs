//! What the handles of a connection, its callers and its driver have in common.

use std::{
    sync::{PoisonError, TryLockError},
    task::Waker,
};

use tokio::sync::Notify;

use super::{
    io::Io,
    machine::{CloseReason, Machine},
    slots::Ticket,
    sync::{AtomicBool, AtomicUsize, Mutex, MutexGuard, Ordering},
};
use crate::{net::Stream, proto::Limits};

/// A reply of which so much has come, and which is not whole, is a large one.
const ARRIVING: usize = 32 * 1024;

/// Bounds of one connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ConnectionOptions {
    /// The largest value that the server may send, in bytes.
    pub(crate) max_value: usize,
    /// How many bytes of requests may be under way at once.
    pub(crate) max_in_flight: usize,
}

/// A connection. Of the two locks `io` is taken before `state`, or else only tried; neither is held
/// across a wait, nor while somebody is woken: an executor may go on with whom it wakes at once.
#[derive(Debug)]
pub(super) struct Shared {
    state: Mutex<State>,
    io: Mutex<Io>,
    handles: AtomicUsize,
    closed: AtomicBool,
    /// How many calls await their answer, for those who choose among connections.
    load: AtomicUsize,
    /// How many of them are large.
    large: AtomicUsize,
    /// Whether a large reply has come in part.
    arriving: AtomicBool,
    /// Those who wait for room do so one after the other.
    pub(super) turn: tokio::sync::Mutex<()>,
    pub(super) waiting: AtomicUsize,
    pub(super) room: Notify,
}

/// What is under way, and who moves it.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts, not one state in pieces")]
pub(super) struct State {
    pub(super) machine: Machine,
    pub(super) mover: Mover,
    driver: Option<Waker>,
    /// Whether the driver sleeps, so that somebody must wake it.
    pub(super) parked: bool,
    /// Whether the watch looks at the deadlines.
    pub(super) watched: bool,
    /// Whether a deadline has passed, as far as is known.
    pub(super) overdue: bool,
    /// How many calls there had been when somebody last asked whether the connection is used.
    seen: u64,
    /// Whether every handle is gone. It stands under the lock so that the driver, which ends the
    /// connection then, cannot go to sleep without having seen it.
    unused: bool,
}

/// Who writes and reads.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Mover {
    /// Nobody: nothing is under way.
    Nobody,
    /// The only caller, who writes its request and reads its reply itself: the reactor wakes it
    /// straight, without another task between.
    Caller(Ticket),
    /// The driver, for all.
    Driver,
}

impl Shared {
    pub(super) fn new(stream: Stream, options: ConnectionOptions) -> Self {
        let limits = Limits { max_value: options.max_value };
        Self {
            state: Mutex::new(State {
                machine: Machine::new(limits, options.max_in_flight),
                mover: Mover::Driver,
                driver: None,
                parked: false,
                watched: false,
                overdue: false,
                seen: 0,
                unused: false,
            }),
            io: Mutex::new(Io::new(stream)),
            handles: AtomicUsize::new(1),
            closed: AtomicBool::new(false),
            load: AtomicUsize::new(0),
            large: AtomicUsize::new(0),
            arriving: AtomicBool::new(false),
            turn: tokio::sync::Mutex::new(()),
            waiting: AtomicUsize::new(0),
            room: Notify::new(),
        }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        // A panic under this lock is a bug of ours; the machine's own checks catch a stream that is
        // out of step.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn io(&self) -> MutexGuard<'_, Io> {
        self.io.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the stream unless somebody has it, whose state may then be locked already.
    pub(super) fn try_io(&self) -> Option<MutexGuard<'_, Io>> {
        match self.io.try_lock() {
            Ok(io) => Some(io),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    /// Ends the connection and tells everybody who waits.
    pub(super) fn close(&self, reason: CloseReason) {
        self.closed.store(true, Ordering::Release);
        let mut wakers = Vec::new();
        let driver = {
            let mut state = self.state();
            state.machine.close(reason, &mut wakers);
            state.hand_to_driver()
        };
        wakers.extend(driver);
        wakers.into_iter().for_each(Waker::wake);
        self.room.notify_waiters();
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    pub(super) fn add_handle(&self) {
        self.handles.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a handle that is dropped; the last one leaves the connection to the driver.
    pub(super) fn remove_handle(&self) {
        if self.handles.fetch_sub(1, Ordering::AcqRel) > 1 {
            return;
        }
        let driver = {
            let mut state = self.state();
            state.unused = true;
            state.rouse_driver()
        };
        driver.into_iter().for_each(Waker::wake);
    }

    pub(super) fn load(&self) -> usize {
        self.load.load(Ordering::Relaxed)
    }

    /// Counts a call that begins. Whoever counts has the state locked, and so needs no operation that
    /// other processors have to wait for.
    pub(super) fn add_load(&self, _: &mut State, large: bool) {
        add(&self.load, 1);
        if large {
            add(&self.large, 1);
        }
    }

    /// Counts a call that ends.
    pub(super) fn remove_load(&self, _: &mut State, large: bool) {
        add(&self.load, -1);
        if large {
            add(&self.large, -1);
        }
    }

    /// Says whether anything large is under way.
    pub(super) fn is_bulky(&self) -> bool {
        self.large.load(Ordering::Relaxed) > 0 || self.is_arriving()
    }

    /// Notes how many bytes have come of a reply that is not whole yet; true when it turns out to be a
    /// large one.
    pub(super) fn note_rest(&self, bytes: usize) -> bool {
        let arriving = bytes >= ARRIVING;
        let changes = self.is_arriving() != arriving;
        if changes {
            self.arriving.store(arriving, Ordering::Relaxed);
        }
        arriving && changes
    }

    /// Says whether a large reply has come in part.
    pub(super) fn is_arriving(&self) -> bool {
        self.arriving.load(Ordering::Relaxed)
    }
}

fn add(count: &AtomicUsize, by: isize) {
    let now = count.load(Ordering::Relaxed).wrapping_add_signed(by);
    count.store(now, Ordering::Relaxed);
}

impl State {
    /// Makes the driver move things; returns whom to wake for that.
    pub(super) fn hand_to_driver(&mut self) -> Option<Waker> {
        self.mover = Mover::Driver;
        self.rouse_driver()
    }

    /// Returns the driver's waker, if it sleeps.
    pub(super) fn rouse_driver(&mut self) -> Option<Waker> {
        if !std::mem::replace(&mut self.parked, false) {
            return None;
        }
        self.driver.clone()
    }

    /// Notes how the driver is woken.
    pub(super) fn know_driver(&mut self, waker: &Waker) {
        match &mut self.driver {
            Some(known) => known.clone_from(waker),
            None => self.driver = Some(waker.clone()),
        }
    }

    /// Ends a caller's turn as the mover.
    pub(super) fn release(&mut self, ticket: Ticket) -> Option<Waker> {
        if self.mover != Mover::Caller(ticket) {
            return None;
        }
        if self.machine.is_quiet() {
            self.mover = Mover::Nobody;
            // The driver left the last answer to the caller, and the end of the connection waits
            // for it.
            return if self.unused { self.rouse_driver() } else { None };
        }
        self.hand_to_driver()
    }

    /// Says whether there was a call since this was asked last, or one is under way.
    pub(super) fn was_used(&mut self) -> bool {
        let enqueued = self.machine.enqueued();
        std::mem::replace(&mut self.seen, enqueued) != enqueued || !self.machine.is_quiet()
    }

    /// Says whether nothing is under way and nobody can ask for more.
    pub(super) fn is_over(&self) -> bool {
        self.unused && self.machine.is_quiet()
    }
}
