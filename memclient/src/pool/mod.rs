//! The connections to one node: opened when needed, replaced when lost, never hammered.

mod backoff;
mod choice;
mod local;
mod options;
mod size;

use std::{
    fmt,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Instant,
};

use arc_swap::ArcSwap;
use tokio::{
    runtime::{Handle, Id},
    time::timeout_at,
};

use self::{local::LocalPool, size::LargeKeys};
pub(crate) use self::{options::PoolOptions, size::Size};
use crate::{
    conn::Connection,
    error::{Delivery, Error, Result, Step},
    net::Address,
};

/// The connections to one node. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Pool(Arc<Inner>);

struct Inner {
    address: Address,
    name: Arc<str>,
    options: PoolOptions,
    /// The connections of the first runtime on which the client is used, which is seldom followed by
    /// another.
    first: OnceLock<Arc<LocalPool>>,
    others: ArcSwap<Vec<Arc<LocalPool>>>,
    adding: Mutex<()>,
    large_keys: LargeKeys,
}

impl Pool {
    /// Returns a pool without connections; nothing is opened until somebody asks.
    pub(crate) fn new(address: Address, options: PoolOptions) -> Self {
        let name = address.to_string().into();
        let (first, others) = (OnceLock::new(), ArcSwap::default());
        let (adding, large_keys) = (Mutex::default(), LargeKeys::new());
        Self(Arc::new(Inner { address, name, options, first, others, adding, large_keys }))
    }

    /// Returns the node's address as text.
    pub(crate) fn name(&self) -> &Arc<str> {
        &self.0.name
    }

    /// Returns how many connections there may be to the node.
    pub(crate) fn max_connections(&self) -> usize {
        self.0.options.max_connections
    }

    /// Notes how many bytes the value of a key has, for calls to come.
    #[inline]
    pub(crate) fn note_size(&self, key: &[u8], bytes: usize) {
        self.0.large_keys.note(key, bytes);
    }

    /// Returns about how many bytes the value of a key has, as far as it is remembered.
    #[inline]
    pub(crate) fn expected_size(&self, key: &[u8]) -> usize {
        if self.0.large_keys.knows(key) { size::LARGE } else { 0 }
    }

    /// Gives the open connection for the next call, of this size, to `call`; `None` where there is
    /// none yet.
    pub(crate) fn with_open<T>(
        &self,
        size: Size,
        call: impl FnOnce(&Connection) -> T,
    ) -> Option<T> {
        let runtime = Handle::try_current().ok()?.id();
        self.with_local(runtime, |local| local.with_open(size, call))?
    }

    /// Returns an open connection, and opens one where there is none.
    ///
    /// Dropping the future leaves a dial that it began to the other callers.
    ///
    /// # Errors
    /// When the dial fails or failed just now, when the deadline passes, or when there is no
    /// runtime to open a connection on.
    pub(crate) async fn connection(&self, deadline: Instant) -> Result<Connection> {
        let Ok(handle) = Handle::try_current() else {
            return Err(no_runtime());
        };
        self.local(handle.id()).connection(deadline).await
    }

    /// Says whether a connection that has nothing large is open or may be opened.
    pub(crate) fn may_be_unobstructed(&self) -> bool {
        Handle::try_current().is_ok_and(|handle| self.local(handle.id()).may_be_unobstructed())
    }

    /// Waits for a connection that has nothing large, where more may be opened and all that are open
    /// have.
    pub(crate) async fn unobstructed(&self, deadline: Instant) {
        if let Ok(handle) = Handle::try_current() {
            self.local(handle.id()).unobstructed(deadline).await;
        }
    }

    /// Opens a connection that no other call shares; it ends with its handle.
    ///
    /// # Errors
    /// As [`Pool::connection`].
    pub(crate) async fn separate(&self, deadline: Instant) -> Result<Connection> {
        if Handle::try_current().is_err() {
            return Err(no_runtime());
        }
        let dial = local::connect(self.0.address.clone(), self.0.options.clone());
        match timeout_at(deadline.into(), dial).await {
            Ok(outcome) => outcome,
            Err(_) => Err(Error::timeout(Step::Connect, Delivery::NotSent)),
        }
    }

    /// Lets go of every open connection: each ends once what is under way on it is answered.
    pub(crate) fn close(&self) {
        let others = self.0.others.load();
        self.0.first.get().into_iter().chain(&**others).for_each(|local| local.close());
    }

    /// Gives the runtime's connections to `then`; `None` where it has none yet.
    fn with_local<T>(&self, runtime: Id, then: impl FnOnce(&Arc<LocalPool>) -> T) -> Option<T> {
        let first = self.0.first.get()?;
        if first.runtime == runtime {
            return Some(then(first));
        }
        let others = self.0.others.load();
        others.iter().find(|local| local.runtime == runtime).map(then)
    }

    /// Returns the runtime's connections.
    fn local(&self, runtime: Id) -> Arc<LocalPool> {
        let find = || self.with_local(runtime, Arc::clone);
        if let Some(local) = find() {
            return local;
        }
        let _adding = self.0.adding.lock().unwrap_or_else(PoisonError::into_inner);
        find().unwrap_or_else(|| {
            let new = LocalPool::new(runtime, self.0.address.clone(), self.0.options.clone());
            let new = Arc::new(new);
            let first = self.0.first.get_or_init(|| Arc::clone(&new));
            if !Arc::ptr_eq(first, &new) {
                // What lived on a runtime that has ended is gone.
                if first.is_dead() {
                    first.close();
                }
                let others = self.0.others.load();
                let alive = others.iter().filter(|local| !local.is_dead());
                let all = alive.chain([&new]).cloned().collect();
                self.0.others.store(Arc::new(all));
            }
            new
        })
    }
}

fn no_runtime() -> Error {
    Error::config("there is no tokio runtime here: call the client from one")
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("node", &self.0.name).finish_non_exhaustive()
    }
}
