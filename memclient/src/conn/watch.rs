//! Keeps the deadlines of all connections, without a timer on the runtimes of their callers.
//!
//! A runtime that has a timer to wait for beside its sockets pays for it each time it goes to
//! sleep, which at one call at a time is as much as a third of the call. So one task on this
//! crate's own thread looks at the connections that have something under way, a hundred times a
//! second, and sleeps when there is none.

use std::{
    io,
    sync::{Arc, Mutex, OnceLock, PoisonError, Weak},
    time::{Duration, Instant},
};

use tokio::sync::Notify;

use super::shared::Shared;
use crate::{clock::now, runtime::Executor};

/// How late a deadline may be noticed.
pub(super) const TICK: Duration = Duration::from_millis(10);

/// For how many ticks a connection that has nothing under way is still looked at.
const QUIET_TICKS: u32 = 100;

static WATCH: OnceLock<Watch> = OnceLock::new();

#[cfg(all(test, not(shuttle)))]
thread_local! {
    static OF_THIS_THREAD: std::cell::Cell<Option<&'static Watch>> =
        const { std::cell::Cell::new(None) };
}

/// The connections that are being watched.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    arrived: Mutex<Vec<Weak<Shared>>>,
    arrival: Notify,
}

/// A connection that is being watched, and for how many ticks it has been quiet.
pub(super) struct Watched {
    connection: Weak<Shared>,
    quiet: u32,
}

impl Watch {
    /// Returns the watch, starting it at the first call.
    ///
    /// # Errors
    /// When the system refuses the thread that it needs.
    pub(super) fn get() -> io::Result<&'static Self> {
        #[cfg(all(test, not(shuttle)))]
        if let Some(watch) = OF_THIS_THREAD.get() {
            return Ok(watch);
        }
        if let Some(watch) = WATCH.get() {
            return Ok(watch);
        }
        let executor = Executor::get()?;
        let mut first = false;
        let watch = WATCH.get_or_init(|| {
            first = true;
            Self::default()
        });
        if first {
            executor.spawn(watch.run());
        }
        Ok(watch)
    }

    /// Has the connections of this thread watched by a task of the present runtime, or no longer.
    #[cfg(all(test, not(shuttle)))]
    pub(crate) fn stand_in(here: bool) {
        let watch: Option<&'static Self> = here.then(|| &*Box::leak(Box::default()));
        OF_THIS_THREAD.set(watch);
        watch.map(|watch| tokio::spawn(watch.run()));
    }

    /// Watches a connection until it has been quiet for a while.
    pub(super) fn add(&self, connection: &Arc<Shared>) {
        let mut arrived = self.arrived.lock().unwrap_or_else(PoisonError::into_inner);
        arrived.push(Arc::downgrade(connection));
        drop(arrived);
        self.arrival.notify_one();
    }

    async fn run(&self) {
        let mut watched: Vec<Watched> = Vec::new();
        loop {
            if watched.is_empty() {
                self.arrival.notified().await;
            } else {
                tokio::time::sleep(TICK).await;
            }
            self.look(&mut watched, now());
        }
    }

    /// Looks once at every connection, and forgets those that need it no more.
    pub(super) fn look(&self, watched: &mut Vec<Watched>, now: Instant) {
        {
            let mut arrived = self.arrived.lock().unwrap_or_else(PoisonError::into_inner);
            let new = arrived.drain(..).map(|connection| Watched { connection, quiet: 0 });
            watched.extend(new);
        }
        watched.retain_mut(|watched| watched.look(now));
    }
}

impl Watched {
    /// Looks at the deadline; false when there is nothing to watch any more.
    fn look(&mut self, now: Instant) -> bool {
        let Some(connection) = self.connection.upgrade() else { return false };
        let mut state = connection.state();
        if state.machine.is_closed() {
            return false;
        }
        let Some(deadline) = state.machine.deadline() else {
            self.quiet += 1;
            state.watched = self.quiet < QUIET_TICKS;
            return state.watched;
        };
        self.quiet = 0;
        if deadline <= now {
            // The driver reads once more before it believes that nothing has come.
            state.overdue = true;
            let driver = state.hand_to_driver();
            drop(state);
            if let Some(driver) = driver {
                driver.wake();
            }
        }
        true
    }
}
