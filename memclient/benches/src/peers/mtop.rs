//! mtop-client, which has a pool of its own and runs each operation in a task.

use std::{net::SocketAddr, sync::Arc};

use bytes::Bytes;
use mtop_client::{
    MemcachedClient, MemcachedClientConfig, RendezvousSelector, Server, ServerID, TcpClientFactory,
};
use tokio::runtime::Handle;

use super::{Contender, Found, Outcome, TTL_SECONDS, miss};

pub(crate) struct Mtop(Arc<MemcachedClient>);

impl Contender for Mtop {
    async fn open(server: SocketAddr, pool: usize) -> Outcome<Self> {
        // The pool has no bound but for idle connections: a connection per task is kept at least.
        let pool_max_idle = pool.max(1024) as u64;
        let config = MemcachedClientConfig { pool_max_idle, ..MemcachedClientConfig::default() };
        let selector = RendezvousSelector::new(vec![Server::without_name(ServerID::from(server))]);
        let client = MemcachedClient::new(config, Handle::current(), selector, TcpClientFactory);
        Ok(Self(Arc::new(client)))
    }

    async fn share(&self) -> Outcome<Self> {
        Ok(Self(Arc::clone(&self.0)))
    }

    async fn get(&mut self, key: &str) -> Outcome<usize> {
        let found = self.0.get([key]).await?;
        Ok(found.values.get(key).ok_or_else(miss)?.data.len())
    }

    async fn set(&mut self, key: &str, value: &Bytes) -> Outcome<()> {
        Ok(self.0.set(key, 0, TTL_SECONDS, value.clone()).await?)
    }

    async fn get_many(&mut self, keys: &[String]) -> Outcome<Found> {
        let found = self.0.get(keys).await?;
        Ok(Found::of(found.values.values().map(|value| value.data.len())))
    }
}
