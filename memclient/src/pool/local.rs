//! The connections of one node that live on one runtime.
//!
//! A connection is driven by a task of the runtime that opened it, and ends with that runtime. So
//! each runtime has connections of its own: a client may be used on several of them, one after the
//! other or at once, also by synchronous callers.

use std::{
    future::Future,
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::{Duration, Instant},
};

use arc_swap::ArcSwap;
use tokio::{
    runtime::{Handle, Id},
    sync::Notify,
    task::AbortHandle,
    time::{sleep_until, timeout_at},
};

use super::{backoff::Backoff, choice::Choice, options::PoolOptions, size::Size};
use crate::{
    clock::now,
    conn::Connection,
    error::{Delivery, Error, Result, Step},
    net::{Address, dial, tls_refusal},
    runtime::Executor,
};

/// So late is no probe on a runtime that runs: one that runs for its calls only has to be given time by
/// a call that waits.
const OVERDUE: Duration = Duration::from_millis(100);

pub(super) struct LocalPool {
    pub(super) runtime: Id,
    address: Address,
    options: PoolOptions,
    /// Read by every call, replaced when a connection is opened or found dead.
    open: ArcSwap<Vec<Connection>>,
    choice: Choice,
    state: Mutex<State>,
    /// Rings when a dial has ended, well or not.
    dialed: Notify,
}

#[derive(Default)]
struct State {
    dialing: Option<Dialing>,
    backoff: Backoff,
    /// Why the node cannot be reached, while it is probed again and again; and by when the next probe
    /// has begun or ended, if anybody runs the tasks of this runtime.
    failure: Option<(Error, Instant)>,
    /// Whether a call has failed for that since the last dial.
    missed: bool,
    /// How often the pool was closed: a dial from before opens nothing for after.
    closes: u64,
    /// Whether somebody looks for connections that are not used.
    shrinking: bool,
}

/// A dial that is under way; dropping it ends it.
struct Dialing(AbortHandle);

impl LocalPool {
    pub(super) fn new(runtime: Id, address: Address, options: PoolOptions) -> Self {
        Self {
            runtime,
            address,
            options,
            open: ArcSwap::default(),
            choice: Choice::default(),
            state: Mutex::default(),
            dialed: Notify::new(),
        }
    }

    /// Gives the open connection for the next call, of this size, to `call`; `None` where there is
    /// none.
    ///
    /// Where one more would serve better and the limit allows it, it is opened for the calls to
    /// come, and closed again when those have ended.
    pub(super) fn with_open<T>(
        self: &Arc<Self>,
        size: Size,
        call: impl FnOnce(&Connection) -> T,
    ) -> Option<T> {
        let open = self.open.load();
        if open.is_empty() {
            return None;
        }
        let chosen = self.choice.choose(&open, size);
        let more = chosen.more || open.len() < self.options.min_connections;
        if more && open.len() < self.options.max_connections {
            let mut state = self.state();
            // A dial may have ended since the list was read.
            let room = self.open.load().len() < self.options.max_connections;
            if room && !state.backoff.holds(now()) {
                self.dial(&mut state);
            }
        }
        open.get(chosen.place).filter(|connection| !connection.is_closed()).map(call)
    }

    /// Returns an open connection, and opens one where there is none.
    ///
    /// One caller's dial is everybody's: the others wait for its outcome. After a failure everybody
    /// fails at once, and the node is probed at growing intervals, until a probe succeeds or nobody has
    /// called since the one before: a caller who comes then waits for a dial of its own. Dropping the
    /// future leaves the dial to the others.
    ///
    /// # Errors
    /// When the dial fails or the node is known to be down, or when the deadline passes.
    pub(super) async fn connection(self: &Arc<Self>, deadline: Instant) -> Result<Connection> {
        loop {
            let mut dialed = std::pin::pin!(self.dialed.notified());
            dialed.as_mut().enable();
            {
                let mut state = self.state();
                self.drop_closed(&state);
                if let Some(connection) = self.idlest() {
                    return Ok(connection);
                }
                if let Some((failure, _)) = state.failure.clone().filter(|(_, due)| now() < *due) {
                    state.missed = true;
                    return Err(failure);
                }
                self.dial(&mut state);
            }
            if timeout_at(deadline.into(), dialed).await.is_err() {
                return Err(Error::timeout(Step::Connect, Delivery::NotSent));
            }
            let down = self.state().failure.clone();
            if let Some((failure, _)) = down.filter(|_| self.open.load().is_empty()) {
                return Err(failure);
            }
        }
    }

    /// Says whether a connection that has nothing large is open or may be opened.
    pub(super) fn may_be_unobstructed(&self) -> bool {
        let open = self.open.load();
        open.len() < self.options.max_connections || open.iter().any(is_free)
    }

    /// Waits for a connection that has nothing large, where more may be opened and all that are open
    /// have. That none comes is no error: the next call then goes where it must.
    pub(super) async fn unobstructed(self: &Arc<Self>, deadline: Instant) {
        loop {
            let mut dialed = std::pin::pin!(self.dialed.notified());
            dialed.as_mut().enable();
            {
                let mut state = self.state();
                let open = self.open.load();
                let is_full = open.len() >= self.options.max_connections;
                if open.is_empty() || is_full || open.iter().any(is_free) {
                    return;
                }
                if state.dialing.is_none() {
                    if state.backoff.holds(now()) {
                        return;
                    }
                    self.dial(&mut state);
                }
            }
            if timeout_at(deadline.into(), dialed).await.is_err() {
                return;
            }
        }
    }

    /// Lets go of every open connection: each ends once what is under way on it is answered.
    ///
    /// Who waits for a dial that is under way goes on to the next one.
    pub(super) fn close(&self) {
        let mut state = self.state();
        state.closes += 1;
        self.open.store(Arc::default());
    }

    /// Says whether nothing lives here any more.
    pub(super) fn is_dead(&self) -> bool {
        self.state().dialing.is_none() && self.open.load().iter().all(Connection::is_closed)
    }

    /// Starts a dial unless one is under way.
    fn dial(self: &Arc<Self>, state: &mut State) {
        if state.dialing.is_some() {
            return;
        }
        let (pool, closes) = (Arc::downgrade(self), state.closes);
        let attempt = Attempt { pool, closes, outcome: None };
        let dial = connect(self.address.clone(), self.options.clone());
        let task = tokio::spawn(attempt.run(dial));
        state.dialing = Some(Dialing(task.abort_handle()));
    }

    /// Fails every call from now on, and probes the node at this moment.
    fn probe_later(self: &Arc<Self>, failure: Error, when: Instant, state: &mut State) {
        // Without a runtime there are no more calls either.
        let Ok(runtime) = Handle::try_current() else { return };
        state.failure = Some((failure, when + OVERDUE));
        state.missed = false;
        runtime.spawn(probe(Arc::downgrade(self), when));
    }

    /// Returns the open connection with the fewest calls.
    fn idlest(&self) -> Option<Connection> {
        self.open.load().iter().min_by_key(|connection| connection.load()).cloned()
    }

    /// Takes the dead connections off the list.
    fn drop_closed(&self, _: &MutexGuard<'_, State>) {
        let open = self.open.load();
        if open.iter().any(Connection::is_closed) {
            let alive = open.iter().filter(|connection| !connection.is_closed()).cloned();
            self.open.store(Arc::new(alive.collect()));
        }
    }

    /// Puts a connection on the list.
    fn add(self: &Arc<Self>, connection: Connection, state: &mut MutexGuard<'_, State>) {
        let all: Vec<_> = self.open.load().iter().cloned().chain([connection]).collect();
        let spare = all.len() > self.options.min_connections;
        self.open.store(Arc::new(all));
        if let Some(idle) = self.options.idle_timeout
            && let Ok(executor) = Executor::get()
            && spare
            && !std::mem::replace(&mut state.shrinking, true)
        {
            executor.spawn(shrink(Arc::downgrade(self), idle));
        }
    }

    /// Takes those connections off the list that were not used since the last time, but keeps the
    /// fewest; false when no more than those are left.
    fn drop_unused(&self) -> bool {
        let mut state = self.state();
        self.drop_closed(&state);
        let open = self.open.load();
        let used: Vec<bool> = open.iter().map(Connection::was_used).collect();
        let fewest = self.options.min_connections;
        let mut spare = used.iter().filter(|used| !**used).count();
        spare = spare.min(open.len().saturating_sub(fewest));
        let mut kept = Vec::with_capacity(open.len());
        // The last ones go: the first is where calls that go together go.
        for (connection, used) in open.iter().zip(used).rev() {
            if used || spare == 0 {
                kept.push(connection.clone());
            } else {
                spare -= 1;
            }
        }
        kept.reverse();
        state.shrinking = kept.len() > fewest;
        self.open.store(Arc::new(kept));
        state.shrinking
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_free(connection: &Connection) -> bool {
    !connection.is_bulky() && !connection.is_closed()
}

impl Drop for Dialing {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// One dial on behalf of a pool; tells the pool how it ended, also when its runtime ends first.
struct Attempt {
    /// Weak, so that a dial does not keep alive a pool that nobody uses.
    pool: Weak<LocalPool>,
    closes: u64,
    outcome: Option<Result<Connection>>,
}

impl Attempt {
    async fn run(mut self, dial: impl Future<Output = Result<Connection>>) {
        self.outcome = Some(dial.await);
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        let Some(pool) = self.pool.upgrade() else {
            return;
        };
        {
            let mut state = pool.state();
            state.dialing = None;
            match self.outcome.take().filter(|_| state.closes == self.closes) {
                Some(Ok(connection)) => {
                    pool.add(connection, &mut state);
                    state.failure = None;
                    state.backoff.succeeded();
                }
                Some(Err(failure)) => {
                    // One connection more that could not be had is no word on the node: while
                    // others are open it fails nobody's call.
                    let others = pool.open.load().iter().any(|other| !other.is_closed());
                    let when = state.backoff.failed(now());
                    if !others {
                        pool.probe_later(failure, when, &mut state);
                    }
                }
                None => state.failure = None,
            }
        }
        pool.dialed.notify_waiters();
    }
}

/// Dials a node that is down, unless nobody has asked for it since the last dial.
async fn probe(pool: Weak<LocalPool>, when: Instant) {
    sleep_until(when.into()).await;
    let Some(pool) = pool.upgrade() else { return };
    let mut state = pool.state();
    if state.backoff.holds(now()) {
        // Another dial has failed meanwhile, and has a probe of its own.
        return;
    }
    if !std::mem::take(&mut state.missed) {
        state.failure = None;
        return;
    }
    if let Some((_, due)) = &mut state.failure {
        *due = now() + pool.options.connect_timeout + OVERDUE;
    }
    pool.dial(&mut state);
}

/// Looks for connections that are not used, until there are few.
async fn shrink(pool: Weak<LocalPool>, idle: Duration) {
    loop {
        tokio::time::sleep(idle).await;
        let Some(pool) = pool.upgrade() else { return };
        if !pool.drop_unused() {
            return;
        }
    }
}

/// Opens a connection and has it say hello, within the connect timeout.
pub(super) async fn connect(address: Address, options: PoolOptions) -> Result<Connection> {
    let deadline = now() + options.connect_timeout;
    let stream = dial(&address, &options.dial, deadline).await?;
    let connection = Connection::spawn(stream, options.connection).map_err(Error::connect)?;
    let hello = async {
        if let Some(credentials) = &options.credentials {
            connection.authenticate(credentials, deadline).await?;
        }
        connection.handshake(options.dialect, deadline).await
    };
    match timeout_at(deadline.into(), hello).await {
        Ok(Ok(())) => Ok(connection),
        Ok(Err(error)) => Err(refused_hello(error)),
        Err(_) => Err(Error::timeout(Step::Connect, Delivery::NotSent)),
    }
}

/// Whatever goes wrong in the handshake, the caller's command was not sent.
fn refused_hello(error: Error) -> Error {
    if error.is_timeout() {
        return Error::timeout(Step::Connect, Delivery::NotSent);
    }
    if let Some(refusal) = tls_refusal(&error) {
        return refusal;
    }
    if error.is_closed() {
        return Error::connect(io::Error::new(
            io::ErrorKind::ConnectionAborted,
            "the server closed the connection before it said its version: is it full, or does this port want TLS or a client certificate?",
        ));
    }
    error.delivered(Delivery::NotSent)
}
