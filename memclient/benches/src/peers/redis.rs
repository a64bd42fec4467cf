//! redis-rs multiplexed, on a Redis: no memcached, but what a user would otherwise choose.

use std::net::SocketAddr;

use bytes::Bytes;
use redis::{
    AsyncCommands, Client, IntoConnectionInfo, aio::MultiplexedConnection, io::tcp::TcpSettings,
};

use super::{Contender, Found, Outcome, TTL_SECONDS, miss};

pub(crate) struct Redis(MultiplexedConnection);

impl Contender for Redis {
    async fn open(server: SocketAddr, _pool: usize) -> Outcome<Self> {
        let info = format!("redis://{server}").into_connection_info()?;
        let info = info.set_tcp_settings(TcpSettings::default().set_nodelay(true));
        let client = Client::open(info)?;
        Ok(Self(client.get_multiplexed_async_connection().await?))
    }

    async fn share(&self) -> Outcome<Self> {
        Ok(Self(self.0.clone()))
    }

    async fn get(&mut self, key: &str) -> Outcome<usize> {
        let value: Option<Vec<u8>> = self.0.get(key).await?;
        Ok(value.ok_or_else(miss)?.len())
    }

    async fn set(&mut self, key: &str, value: &Bytes) -> Outcome<()> {
        Ok(self.0.set_ex(key, &value[..], TTL_SECONDS.into()).await?)
    }

    async fn get_many(&mut self, keys: &[String]) -> Outcome<Found> {
        let values: Vec<Option<Vec<u8>>> = self.0.mget(keys).await?;
        Ok(Found::of(values.iter().flatten().map(Vec::len)))
    }
}
