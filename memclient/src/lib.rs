//! A memcached client and a caching framework: cached functions, typed caches, tiers, and the
//! client underneath.
//!
//! # A cached function
//! ```
//! use memclient::cached;
//!
//! #[cached(ttl = "10m")]
//! async fn rate(from: &str, to: &str) -> Result<f64, std::io::Error> {
//!     // ask the bank
//!     # let _ = (from, to);
//!     Ok(1.0837)
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let first = rate("EUR", "USD").await?; // asks the bank
//! let again = rate("EUR", "USD").await?; // does not
//! # assert_eq!(first, again);
//! rate::invalidate("EUR", "USD").await?;
//! # Ok(())
//! # }
//! ```
//! Nothing had to be set up: the results are kept in this process. One call in `main` puts a
//! memcached behind all cached functions of the program, so that its other processes, on all
//! machines, share what one has loaded:
//! ```no_run
//! use memclient::{Cache, Client};
//!
//! # fn main() -> memclient::Result<()> {
//! Cache::builder().namespace("shop").backend(Client::from_env()?).install()?;
//! # Ok(())
//! # }
//! ```
//!
//! # The path of an answer
//! ```text
//!  rate("EUR", "USD")          #[cached], TypedCache            what people call
//!    │ key: shop:bank.rate.5ktbq2ma:EUR:USD
//!    ▼
//!  near tier                   moka, decoded values             nanoseconds, nothing awaited
//!    │ miss
//!    ▼
//!  flight                      one load per key and process     the others wait for its result
//!    │ the caller leads
//!    ▼
//!  Client ─► node ─► pool ─► connection ─► memcached            shared by the whole fleet
//!    │ miss
//!    ▼
//!  the function itself         its result fills both tiers on the way back
//! ```
//! A cache in trouble fails no call that does not ask for it (`fail = "closed"`): a server that is down
//! costs its time limit once, then nothing, and the function runs.
//!
//! # Three ways in
//! - `#[cached]`, with `ttl`, `none`, `key`, `skip` and the function's companion
//!   `rate::invalidate`, `::peek`, `::put`, `::refresh`, `::call`, `::uncached`, `::key`;
//!   `#[invalidates]` and `#[cache_put]` on functions that write.
//! - [`TypedCache<T>`](TypedCache): a handle on the entries of one type, for services.
//! - [`Client`]: plain memcached, every outcome typed; for programs without async there is
//!   `blocking::Client`.
//!
//! Whatever implements [`CacheBackend`] can stand behind a [`Cache`]: [`Client`], [`MokaBackend`],
//! [`Tiered`], your own.
//!
//! # Features
//! | feature | default | brings |
//! |---|---|---|
//! | `derive` | yes | `#[cached]`, `#[invalidates]`, `#[cache_put]`, `#[derive(CacheKey)]`, `#[derive(CacheValue)]` |
//! | `moka` | yes | the near tier and [`MokaBackend`] |
//! | `bincode` | yes | bincode 2 as the format of serde types |
//! | `json` | | JSON as a format of serde types |
//! | `zlib` | yes | values compressed with zlib, as pymemcache does it ([`Compression`]) |
//! | `zstd` | | values compressed with Zstandard; compiles C |
//! | `lz4` | | values compressed with LZ4 |
//! | `blocking` | | `blocking::Client`: the client for programs without async |
//! | `tracing` | | events of the cache as `tracing` events |
//! | `tls` | | TLS with rustls and ring: [`ClientBuilder::tls`], `memcaches://` |
//! | `tls-aws-lc` | | the same with aws-lc for ring; with both it is ring |
//! | `testing` | | the laws of a backend as a suite, `backend_laws!`, and a backend that fails on demand, `Chaos` |
//!
//! # Testing a program that caches
//! A test needs no server and no waiting: [`MokaBackend`] stands in for memcached, and a
//! [`Clock::manual`] that both it and the cache go by moves when the test says so.
//! ```
//! # #[cfg(all(feature = "moka", feature = "derive"))] {
//! use std::{
//!     sync::{
//!         LazyLock,
//!         atomic::{AtomicU32, Ordering},
//!     },
//!     time::Duration,
//! };
//!
//! use memclient::{Cache, Clock, MokaBackend, cached};
//!
//! static CLOCK: LazyLock<Clock> = LazyLock::new(Clock::manual);
//! static CACHE: LazyLock<Cache> = LazyLock::new(|| {
//!     let memcached = MokaBackend::builder().clock(CLOCK.clone()).build();
//!     Cache::builder().backend(memcached).clock(CLOCK.clone()).build().unwrap()
//! });
//! static ASKED: AtomicU32 = AtomicU32::new(0);
//!
//! #[cached(cache = CACHE, ttl = "10m")]
//! fn rate(currency: &str) -> f64 {
//!     ASKED.fetch_add(1, Ordering::SeqCst);
//!     1.0837
//! }
//!
//! rate("USD");
//! CLOCK.advance(Duration::from_secs(599));
//! rate("USD");
//! assert_eq!(ASKED.load(Ordering::SeqCst), 1);
//! CLOCK.advance(Duration::from_secs(1));
//! rate("USD");
//! assert_eq!(ASKED.load(Ordering::SeqCst), 2);
//! # }
//! ```

// Generated code names this crate from outside; in its own tests and examples too.
extern crate self as memclient;

pub mod backend;
#[cfg(feature = "blocking")]
pub mod blocking;
mod cache;
mod chance;
mod client;
mod clock;
mod cluster;
mod conn;
mod error;
mod events;
mod join;
mod net;
mod pool;
mod proto;
mod runtime;
#[cfg(all(test, not(shuttle)))]
mod simulation;
mod tier;
mod wire;

#[cfg(any(test, fuzzing))]
#[doc(hidden)]
#[path = "fuzzing.rs"]
pub mod __fuzzing;

#[doc(hidden)]
#[allow(missing_docs, reason = "only generated code comes here")]
#[path = "private/mod.rs"]
pub mod __private;

#[cfg(feature = "derive")]
pub use memclient_derive::{CacheKey, CacheValue, cache_put, cached, invalidates};
pub use memclient_serde::{
    CacheEntity, CacheKey, CacheValue, Compression, DecodeError, Decoded, EncodeError, Fingerprint,
    Flags, Format, KeyWriter, Payload, Schema,
};

#[cfg(feature = "testing")]
pub use self::backend::Chaos;
#[cfg(feature = "moka")]
pub use self::backend::{MokaBackend, MokaBackendBuilder};
#[cfg(feature = "tracing")]
pub use self::events::TracingObserver;
#[cfg(feature = "__tls")]
pub use self::net::Tls;
pub use self::{
    backend::{AnyBackend, CacheBackend, NoBackend},
    cache::{
        Cache, CacheBuilder, CacheStats, Entry, FillLease, Leased, Loaded, LoadedMany, Lookup,
        Policy, Produced, PutIf, TypedCache,
    },
    client::{Client, ClientBuilder, Item, KeyInfo, ServerStats, Stats, Unconfirmed},
    clock::Clock,
    conn::Settled,
    error::{Delivery, Error, Result, Step},
    events::{Event, Observer},
    net::Address,
    proto::{Dialect, command::ReplyEnd},
    tier::Tiered,
    wire::{
        AsKey, CasOutcome, CasToken, Charset, Deleted, IntoValue, Key, KeyError, KeyRef, MAX_KEY,
        Stored, Touched, Ttl, TtlError, TtlLeft, Value,
    },
};
