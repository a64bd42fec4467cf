use std::{fmt, sync::Arc, time::Duration};

use memclient_serde::Compression;

use super::{Cache, core::Core, policy::Policy};
#[cfg(feature = "moka")]
use crate::{backend::MokaBackend, tier::Tiered};
use crate::{
    backend::{AnyBackend, CacheBackend, NoBackend},
    clock::Clock,
    error::{Error, Result},
    events::Observer,
    wire::Ttl,
};

/// The options of a [`Cache`]. Only [`CacheBuilder::build`] can fail.
///
/// ```no_run
/// use std::time::Duration;
/// use memclient::{Cache, Client};
///
/// # fn main() -> memclient::Result<()> {
/// Cache::builder()
///     .namespace("shop")
///     .backend(Client::from_env()?)
///     .ttl(Duration::from_secs(600))
///     .install()?;
/// # Ok(())
/// # }
/// ```
#[must_use]
pub struct CacheBuilder {
    backend: Option<AnyBackend>,
    namespace: String,
    near: Option<Near>,
    policy: Policy,
    clearable: bool,
    clock: Clock,
    observer: Option<Arc<dyn Observer>>,
}

/// The near tier's bounds.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(not(feature = "moka"), expect(dead_code, reason = "there is no near tier without moka"))]
struct Near {
    max_bytes: u64,
    ttl: Duration,
}

impl Default for CacheBuilder {
    fn default() -> Self {
        Self {
            backend: None,
            namespace: String::new(),
            near: cfg!(feature = "moka")
                .then_some(Near { max_bytes: 64 << 20, ttl: Duration::from_secs(30) }),
            policy: Policy::new(),
            clearable: false,
            clock: Clock::system(),
            #[cfg(feature = "tracing")]
            observer: Some(Arc::new(crate::events::TracingObserver)),
            #[cfg(not(feature = "tracing"))]
            observer: None,
        }
    }
}

impl CacheBuilder {
    /// Sets the store behind this process's memory: a [`Client`](crate::Client), or any other
    /// backend. Defaults to none: the cache lives in this process alone.
    pub fn backend(mut self, backend: impl CacheBackend) -> Self {
        self.backend = Some(AnyBackend::new(backend));
        self
    }

    /// Sets the first part of every key, so that programs that share a server do not meet. Defaults
    /// to none.
    pub fn namespace(mut self, namespace: impl Into<String>) -> Self {
        self.namespace = namespace.into();
        self
    }

    /// Sets how long entries live where neither the function nor the handle says it. Defaults to 5
    /// minutes.
    pub fn ttl(mut self, ttl: impl Into<Ttl>) -> Self {
        self.policy = self.policy.ttl(ttl);
        self
    }

    /// Keeps the answer "there is none" too, for this long, where neither the function nor the
    /// handle says it. Defaults to not keeping it.
    pub fn none(mut self, ttl: Duration) -> Self {
        self.policy = self.policy.none(ttl);
        self
    }

    /// Sets how entries are kept where neither the function nor the handle says it: grace, throttle
    /// and whatever else a [`Policy`] has. What it does not set stays as it is.
    pub fn policy(mut self, policy: Policy) -> Self {
        self.policy = policy.over(self.policy);
        self
    }

    /// Compresses large values when they are stored, where neither the function nor the handle says
    /// it. What is stored so is read by every program that has the feature of the compression,
    /// whatever its own setting; others load it again. Defaults to not compressing.
    ///
    /// ```
    /// use memclient::Cache;
    /// # #[cfg(feature = "zlib")] {
    /// use memclient::Compression;
    ///
    /// let cache = Cache::builder().compression(Compression::zlib(6)).build()?;
    /// # }
    /// # Ok::<(), memclient::Error>(())
    /// ```
    pub fn compression(mut self, compression: Compression) -> Self {
        self.policy = self.policy.compression(compression);
        self
    }

    /// Bounds what is kept in this process, in bytes of keys and encoded values. Defaults to 64
    /// MiB.
    #[cfg(feature = "moka")]
    pub fn near_bytes(mut self, bytes: u64) -> Self {
        self.near_mut().max_bytes = bytes;
        self
    }

    /// Bounds how long this process answers from its own memory before it asks the backend again:
    /// what other processes write is seen after that at the latest. Without a backend it has no
    /// meaning. Defaults to 30 seconds.
    #[cfg(feature = "moka")]
    pub fn near_ttl(mut self, ttl: Duration) -> Self {
        self.near_mut().ttl = ttl;
        self
    }

    /// Keeps nothing in this process: every answer is the backend's.
    pub fn without_near(mut self) -> Self {
        self.near = None;
        self
    }

    /// Lets [`Cache::clear`] end all entries at once, by a tag that each of them has. It costs each
    /// read from the backend a second key in the same round trip, and each entry a header of some
    /// bytes, which clients of other languages do not know. Entries that were stored without it are
    /// not read. Defaults to false.
    pub fn clearable(mut self, on: bool) -> Self {
        self.clearable = on;
        self
    }

    /// Sets the clock by which the near tier and the cache itself measure time: a
    /// [`Clock::manual`] for tests. The backend has a clock of its own, see
    /// [`MokaBackendBuilder::clock`](crate::MokaBackendBuilder::clock). Defaults to the system's.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Tells this observer what happens. Defaults to the `tracing` subscriber with the feature
    /// `tracing`, else to nobody.
    pub fn observer(mut self, observer: impl Observer) -> Self {
        self.observer = Some(Arc::new(observer));
        self
    }

    /// Returns the cache. Does no I/O.
    ///
    /// # Errors
    /// When there is neither a backend nor a near tier, or the namespace is so long that keys have
    /// no room.
    pub fn build(self) -> Result<Cache> {
        if self.namespace.len() > 64 {
            return Err(Error::config(
                "the namespace has more than 64 bytes: the keys behind it need room",
            ));
        }
        if self.backend.is_none() && self.near.is_none() {
            return Err(Error::config(
                "the cache has no tier: name a backend, or keep the near one",
            ));
        }
        Ok(self.assemble())
    }

    /// Returns the cache of a program that has not said otherwise; without moka it keeps nothing.
    pub(super) fn in_process() -> Cache {
        Self::default().assemble()
    }

    fn assemble(self) -> Cache {
        let Self { backend, namespace, near, policy, clearable, clock, observer } = self;
        let backend = tiers(backend, near, &clock);
        Cache::new(Core::new(backend, namespace.into(), policy, clearable, clock, observer))
    }

    #[cfg(feature = "moka")]
    fn near_mut(&mut self) -> &mut Near {
        self.near.get_or_insert(Near { max_bytes: 64 << 20, ttl: Duration::from_secs(30) })
    }
}

#[cfg(feature = "moka")]
fn tiers(backend: Option<AnyBackend>, near: Option<Near>, clock: &Clock) -> AnyBackend {
    let moka =
        |near: Near| MokaBackend::builder().max_bytes(near.max_bytes).clock(clock.clone()).build();
    match (backend, near) {
        (Some(far), Some(near)) => {
            let tiers = Tiered::new(moka(near), far).near_ttl(near.ttl).clock(clock.clone());
            AnyBackend::new(tiers)
        }
        (Some(far), None) => far,
        (None, Some(near)) => AnyBackend::new(moka(near)),
        (None, None) => AnyBackend::new(NoBackend),
    }
}

#[cfg(not(feature = "moka"))]
fn tiers(backend: Option<AnyBackend>, _: Option<Near>, _: &Clock) -> AnyBackend {
    backend.unwrap_or_else(|| AnyBackend::new(NoBackend))
}

impl fmt::Debug for CacheBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CacheBuilder")
            .field("backend", &self.backend)
            .field("namespace", &self.namespace)
            .field("near", &self.near)
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}
