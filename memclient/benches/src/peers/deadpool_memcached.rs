//! deadpool-memcached as it comes: it asks for the version whenever a connection is taken, and that
//! cannot be switched off.

use std::net::SocketAddr;

use async_memcached_07::AsciiProtocol;
use bytes::Bytes;
use deadpool_memcached::{Manager, Pool};

use super::{Contender, Found, Outcome, TTL_SECONDS, miss};

pub(crate) struct DeadpoolMemcached(Pool);

impl Contender for DeadpoolMemcached {
    async fn open(server: SocketAddr, pool: usize) -> Outcome<Self> {
        let manager = Manager::new(format!("tcp://{server}"));
        Ok(Self(Pool::builder(manager).max_size(pool).build()?))
    }

    async fn share(&self) -> Outcome<Self> {
        Ok(Self(self.0.clone()))
    }

    async fn get(&mut self, key: &str) -> Outcome<usize> {
        let value = self.0.get().await?.get(key).await?;
        Ok(value.and_then(|value| value.data).ok_or_else(miss)?.len())
    }

    async fn set(&mut self, key: &str, value: &Bytes) -> Outcome<()> {
        let ttl = Some(TTL_SECONDS.into());
        Ok(self.0.get().await?.set(key, &value[..], ttl, None).await?)
    }

    async fn get_many(&mut self, keys: &[String]) -> Outcome<Found> {
        let values = self.0.get().await?.get_multi(keys).await?;
        Ok(Found::of(values.iter().filter_map(|value| value.data.as_ref()).map(Vec::len)))
    }
}
