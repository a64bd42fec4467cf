//! The connections to one node: opened when needed, replaced when lost, never hammered.

mod backoff;
mod choice;

use std::{
    fmt,
    future::Future,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use arc_swap::ArcSwap;
use tokio::{sync::Notify, task::AbortHandle, time::timeout_at};

use self::{backoff::Backoff, choice::Choice};
use crate::{
    conn::{Connection, ConnectionOptions},
    error::{Delivery, Error, Result, Step},
    net::{Address, DialOptions, dial},
    runtime::Home,
};

/// How a pool opens and bounds its connections.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PoolOptions {
    pub(crate) dial: DialOptions,
    pub(crate) connection: ConnectionOptions,
    pub(crate) connect_timeout: Duration,
    /// The most connections to the node, per home.
    pub(crate) max_connections: usize,
}

/// The connections to one node. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Pool(Arc<Inner>);

struct Inner {
    address: Address,
    name: Arc<str>,
    options: PoolOptions,
    homes: [HomePool; Home::COUNT],
}

/// The connections whose drivers live on one home.
#[derive(Default)]
struct HomePool {
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
    failure: Option<Error>,
}

/// A dial that is under way; dropping it ends it.
struct Dialing(AbortHandle);

impl Pool {
    /// Returns a pool without connections; nothing is opened until somebody asks.
    pub(crate) fn new(address: Address, options: PoolOptions) -> Self {
        let name = address.to_string().into();
        Self(Arc::new(Inner { address, name, options, homes: Default::default() }))
    }

    /// Returns the node's address as text.
    pub(crate) fn name(&self) -> &Arc<str> {
        &self.0.name
    }

    /// Returns an open connection, if there is one, for a call that is large or not.
    ///
    /// Where one more would serve better and the limit allows it, it is opened for the calls to
    /// come.
    pub(crate) fn open_connection(&self, large: bool) -> Option<Connection> {
        let home = self.home();
        let (connection, more) = home.choose(large);
        if more && home.open.load().len() < self.0.options.max_connections {
            self.dial(&mut home.state());
        }
        connection
    }

    /// Returns an open connection, and opens one where there is none.
    ///
    /// While the node is down, one caller's dial is everybody's: the others wait for its outcome,
    /// and after a failure everybody fails at once until the backoff allows the next dial. Dropping
    /// the future leaves the dial to the others.
    ///
    /// # Errors
    /// When the dial fails or failed just now, or when the deadline passes.
    pub(crate) async fn connection(&self, deadline: Instant) -> Result<Connection> {
        let home = self.home();
        loop {
            let mut dialed = std::pin::pin!(home.dialed.notified());
            dialed.as_mut().enable();
            {
                let mut state = home.state();
                home.drop_closed(&state);
                if let (Some(connection), _) = home.choose(false) {
                    return Ok(connection);
                }
                if state.dialing.is_none() {
                    if let Some(failure) =
                        state.failure.clone().filter(|_| state.backoff.holds(Instant::now()))
                    {
                        return Err(failure);
                    }
                    self.dial(&mut state);
                }
            }
            if timeout_at(deadline.into(), dialed).await.is_err() {
                return Err(Error::timeout(Step::Connect, Delivery::NotSent));
            }
            let state = home.state();
            let ended = home.open.load().is_empty() && state.dialing.is_none();
            if let Some(failure) = state.failure.as_ref().filter(|_| ended) {
                return Err(failure.clone());
            }
        }
    }

    fn home(&self) -> &HomePool {
        &self.0.homes[Home::current().index()]
    }

    /// Starts a dial unless one is under way.
    fn dial(&self, state: &mut State) {
        if state.dialing.is_some() || state.backoff.holds(Instant::now()) {
            return;
        }
        let attempt =
            Attempt { pool: Arc::downgrade(&self.0), home: Home::current(), outcome: None };
        let dial = connect(self.0.address.clone(), self.0.options);
        let task = tokio::spawn(attempt.run(dial));
        state.dialing = Some(Dialing(task.abort_handle()));
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("node", &self.0.name).finish_non_exhaustive()
    }
}

impl HomePool {
    /// Returns the connection for the next call, if it is open, and whether one more would serve
    /// better.
    fn choose(&self, large: bool) -> (Option<Connection>, bool) {
        let open = self.open.load();
        if open.is_empty() {
            return (None, false);
        }
        let chosen = self.choice.choose(&open, large);
        let connection = open.get(chosen.place).filter(|connection| !connection.is_closed());
        (connection.cloned(), chosen.more)
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
    fn add(&self, connection: Connection, _: &MutexGuard<'_, State>) {
        let open = self.open.load();
        let all = open.iter().cloned().chain([connection]);
        self.open.store(Arc::new(all.collect()));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Dialing {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// One dial on behalf of a pool; tells the pool how it ended, also when its runtime ends first.
struct Attempt {
    /// Weak, so that a dial does not keep alive a pool that nobody uses.
    pool: std::sync::Weak<Inner>,
    home: Home,
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
        let home = &pool.homes[self.home.index()];
        {
            let mut state = home.state();
            state.dialing = None;
            match self.outcome.take() {
                Some(Ok(connection)) => {
                    home.add(connection, &state);
                    state.failure = None;
                    state.backoff.succeeded();
                }
                Some(Err(failure)) => {
                    state.failure = Some(failure);
                    state.backoff.failed(Instant::now());
                }
                None => {}
            }
        }
        home.dialed.notify_waiters();
    }
}

/// Opens a connection and has it say hello, within the connect timeout.
async fn connect(address: Address, options: PoolOptions) -> Result<Connection> {
    let deadline = Instant::now() + options.connect_timeout;
    let open = async {
        let stream = dial(&address, options.dial).await.map_err(Error::connect)?;
        let connection = Connection::spawn(stream, options.connection).map_err(Error::connect)?;
        connection.handshake(deadline).await.map_err(|error| error.delivered(Delivery::NotSent))?;
        Ok(connection)
    };
    match timeout_at(deadline.into(), open).await {
        Ok(outcome) => outcome,
        Err(_) => Err(Error::timeout(Step::Connect, Delivery::NotSent)),
    }
}
