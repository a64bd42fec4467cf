//! The classic `memcache`: blocking, used from threads with a connection for each in its pool.

use std::net::SocketAddr;

use bytes::Bytes;
use memcache::Client;

use super::{Found, Outcome, TTL_SECONDS, miss};

/// No user runs more threads than this for a cache.
pub(crate) const MAX_THREADS: usize = 64;

#[derive(Clone)]
pub(crate) struct Memcache(Client);

impl Memcache {
    pub(crate) fn open(server: SocketAddr, threads: usize) -> Outcome<Self> {
        let url = format!("memcache://{server}?protocol=ascii&tcp_nodelay=true");
        Ok(Self(Client::with_pool_size(url, threads as u32)?))
    }

    pub(crate) fn get(&self, key: &str) -> Outcome<usize> {
        Ok(self.0.get::<Vec<u8>>(key)?.ok_or_else(miss)?.len())
    }

    pub(crate) fn set(&self, key: &str, value: &Bytes) -> Outcome<()> {
        Ok(self.0.set(key, &value[..], TTL_SECONDS)?)
    }

    pub(crate) fn get_many(&self, keys: &[String]) -> Outcome<Found> {
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        let values = self.0.gets::<Vec<u8>>(&keys)?;
        Ok(Found::of(values.values().map(Vec::len)))
    }
}
