use std::{
    fmt,
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use memclient_serde::{CacheValue, EncodeError, KeyBuf, KeyHead, KeyWriter};
use tokio::runtime::Handle;

use super::{
    flight::Flights,
    found::{Early, Found, Kept},
    generations::Generations,
    on_way::OnWay,
    plan::{Plan, Tags},
    policy::Policy,
    refreshes::Refreshes,
    stats::{CacheStats, Counters},
};
use crate::{
    backend::{AnyBackend, CacheBackend, Tier},
    clock::Clock,
    error::{Error, Result},
    events::{Event, Observer},
    runtime::Executor,
    wire::Value,
};

/// What all handles of a cache share.
pub(crate) struct Core {
    backend: AnyBackend,
    namespace: Box<str>,
    /// The namespace as keys begin with it.
    pub(super) prefix: KeyHead,
    pub(super) max_key: usize,
    /// The tag that all entries have, where the cache can be cleared.
    pub(super) common: Tags,
    policy: Policy,
    pub(super) clock: Clock,
    observer: Option<Arc<dyn Observer>>,
    pub(super) flights: Arc<Flights>,
    pub(super) generations: Generations,
    pub(super) on_way: Arc<OnWay>,
    pub(super) refreshes: Arc<Refreshes>,
    pub(super) counters: Counters,
    down: AtomicBool,
}

impl Core {
    pub(super) fn new(
        backend: AnyBackend,
        namespace: Box<str>,
        policy: Policy,
        clearable: bool,
        clock: Clock,
        observer: Option<Arc<dyn Observer>>,
    ) -> Self {
        let prefix = match &*namespace {
            "" => String::new(),
            namespace => format!("{namespace}:"),
        };
        let mut core = Self {
            max_key: backend.max_key(),
            common: Tags::default(),
            backend,
            namespace,
            prefix: KeyHead::new(&prefix),
            policy,
            refreshes: Arc::new(Refreshes::new(clock.clone())),
            clock,
            observer,
            flights: Arc::new(Flights::new()),
            generations: Generations::new(),
            on_way: Arc::default(),
            counters: Counters::default(),
            down: AtomicBool::new(false),
        };
        if clearable {
            core.common = Tags::new([core.common_tag()]);
        }
        core
    }

    pub(super) fn backend(&self) -> &AnyBackend {
        &self.backend
    }

    pub(crate) fn stats(&self) -> CacheStats {
        self.counters.snapshot()
    }

    /// Returns the policy of a call, completed by the cache's own.
    pub(crate) fn policy(&self, policy: Policy) -> Policy {
        policy.over(self.policy)
    }

    /// Says whether a call with this policy looks at how old an answer is.
    pub(crate) fn looks_at_age(&self, policy: &Policy, early: Early) -> bool {
        policy.looks_at_age(&self.policy, early == Early::Allowed)
    }

    /// Returns what a call goes by that has this policy, complete, and no tags of its own.
    pub(crate) fn plan<'a>(&'a self, policy: &'a Policy) -> Plan<'a> {
        Plan { policy, tags: &self.common }
    }

    /// Returns the key `namespace:head` with the parts that `parts` writes.
    pub(crate) fn key(&self, head: &KeyHead, parts: impl FnOnce(&mut KeyWriter)) -> KeyBuf {
        let mut key = KeyWriter::new(self.max_key);
        key.head(&self.prefix);
        key.head(head);
        parts(&mut key);
        key.finish()
    }

    /// Returns what runs synchronous calls; a system that refuses the thread for them is a backend
    /// that fails.
    pub(crate) fn executor(&self) -> Result<Executor> {
        Executor::get().map_err(Error::thread).inspect_err(|error| self.failed(error))
    }

    /// Runs a task on the caller's runtime; on this crate's thread where the caller is in none.
    pub(super) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        match Handle::try_current() {
            Ok(runtime) => _ = runtime.spawn(task),
            Err(_) => _ = self.executor().map(|executor| executor.spawn(task)),
        }
    }

    /// Runs an operation of a synchronous caller.
    pub(crate) fn blocking<T>(operation: impl Future<Output = Result<T>>) -> Result<T> {
        let executor = Executor::get().map_err(Error::thread)?;
        executor.block_on(operation)
    }

    /// Encodes a value, compressed where the policy says so, with its decoded form beside it and the
    /// load time in its flags.
    pub(super) fn encode<T: CacheValue>(
        &self,
        value: T,
        policy: &Policy,
        took: Option<Duration>,
    ) -> Result<Value, EncodeError> {
        match value.encode() {
            Ok(payload) => {
                let mut payload = payload.compressed(policy.value_compression());
                payload.flags = payload.flags.with_typed();
                if let Some(took) = took {
                    payload.flags = payload.flags.with_load_time(took);
                }
                Ok(Value::from(payload).with_decoded(value))
            }
            Err(error) => {
                self.counters.unencodable.add_one();
                self.tell(&Event::Unencodable { error: &error });
                Err(error)
            }
        }
    }

    pub(super) fn count_hit<T>(&self, kept: &Kept<T>) {
        match kept.tier {
            Tier::Near => self.counters.near_hits.add_one(),
            Tier::Far => self.counters.far_hits.add_one(),
        }
        if matches!(kept.found, Found::Absent) {
            self.counters.absent_hits.add_one();
        }
        if kept.is_stale() {
            self.counters.stale_hits.add_one();
        }
    }

    /// Notes that the backend answered.
    pub(super) fn worked(&self) {
        if self.down.load(Ordering::Relaxed) && self.down.swap(false, Ordering::Relaxed) {
            self.tell(&Event::BackendUp);
        }
    }

    /// Notes that the backend failed. A caller's bad input, or a server's refusal, is no outage.
    pub(super) fn failed(&self, error: &Error) {
        self.counters.backend_errors.add_one();
        let refused = error.is_input() || error.is_server_error() || error.is_too_large();
        if !refused && !self.down.swap(true, Ordering::Relaxed) {
            self.tell(&Event::BackendDown { error });
        }
    }

    pub(super) fn tell(&self, event: &Event<'_>) {
        if let Some(observer) = &self.observer {
            observer.event(event);
        }
    }
}

impl fmt::Debug for Core {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Core")
            .field("namespace", &self.namespace)
            .field("backend", &self.backend)
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}
