//! bb8-memcached, which holds memcache-async; its check of taken connections is switched off.

use std::net::SocketAddr;

use bb8_memcached::{MemcacheConnectionManager, bb8::Pool};
use bytes::Bytes;

use super::{Contender, Found, Outcome, TTL_SECONDS};

pub(crate) struct Bb8Memcached(Pool<MemcacheConnectionManager>);

impl Contender for Bb8Memcached {
    async fn open(server: SocketAddr, pool: usize) -> Outcome<Self> {
        let manager = MemcacheConnectionManager::new(format!("tcp://{server}"))?;
        let builder = Pool::builder().max_size(pool as u32).test_on_check_out(false);
        Ok(Self(builder.build(manager).await?))
    }

    async fn share(&self) -> Outcome<Self> {
        Ok(Self(self.0.clone()))
    }

    async fn get(&mut self, key: &str) -> Outcome<usize> {
        Ok(self.0.get().await?.get(&key).await?.len())
    }

    async fn set(&mut self, key: &str, value: &Bytes) -> Outcome<()> {
        Ok(self.0.get().await?.set(&key, value, TTL_SECONDS).await?)
    }

    async fn get_many(&mut self, keys: &[String]) -> Outcome<Found> {
        let values = self.0.get().await?.get_multi(keys).await?;
        Ok(Found::of(values.values().map(Vec::len)))
    }
}
