//! The clients that are compared, each behind one small trait and used as its authors would.
//!
//! A client that holds one connection per value and takes `&mut self` gets the pool that its users
//! would put it in. Whatever checks a pooled connection with a command of its own is switched off
//! where that is possible.

pub(crate) mod async_memcached;
pub(crate) mod bb8_memcached;
pub(crate) mod deadpool_memcached;
pub(crate) mod memcache;
pub(crate) mod memcache_async;
pub(crate) mod memcache_exp;
pub(crate) mod memclient;
pub(crate) mod mtop;
pub(crate) mod redis;
pub(crate) mod typed_cache;

use std::{error::Error, net::SocketAddr};

use bytes::Bytes;

pub(crate) type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// How long values are kept: longer than a run.
pub(crate) const TTL_SECONDS: u32 = 86_400;

/// A client, or what stands for one.
pub(crate) trait Contender: Sized + Send + 'static {
    /// Returns a client of the server that has at most so many connections if it has a pool.
    fn open(server: SocketAddr, pool: usize) -> impl Future<Output = Outcome<Self>>;

    /// Returns what one more task works with.
    fn share(&self) -> impl Future<Output = Outcome<Self>>;

    /// Returns the length of the value; a miss is an error.
    fn get(&mut self, key: &str) -> impl Future<Output = Outcome<usize>> + Send;

    /// Stores the value.
    fn set(&mut self, key: &str, value: &Bytes) -> impl Future<Output = Outcome<()>> + Send;

    /// Returns how many of the keys have values, and how long these are together.
    fn get_many(&mut self, keys: &[String]) -> impl Future<Output = Outcome<Found>> + Send;
}

/// What came of a batch.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Found {
    pub(crate) values: usize,
    pub(crate) bytes: usize,
}

impl Found {
    /// Sums up values by their lengths.
    pub(crate) fn of(lengths: impl Iterator<Item = usize>) -> Self {
        lengths.fold(Self::default(), |found, length| Self {
            values: found.values + 1,
            bytes: found.bytes + length,
        })
    }
}

/// Returns the error for a key that should have had a value.
pub(crate) fn miss() -> Box<dyn Error + Send + Sync> {
    "a key that was stored is missing".into()
}
