//! async-memcached in a plain deadpool: no check when a connection is taken, only whether the
//! client closed it.

use std::net::SocketAddr;

use async_memcached::{AsciiProtocol, Client, Error};
use bytes::Bytes;
use deadpool::managed::{Manager, Metrics, Pool, RecycleError, RecycleResult};

use super::{Contender, Found, Outcome, TTL_SECONDS, miss};

pub(crate) struct AsyncMemcached(Pool<Dial>);

pub(crate) struct Dial(String);

impl Manager for Dial {
    type Type = Client;
    type Error = Error;

    async fn create(&self) -> Result<Client, Error> {
        Client::new(&self.0).await
    }

    async fn recycle(&self, client: &mut Client, _: &Metrics) -> RecycleResult<Error> {
        if client.is_closed() { Err(RecycleError::message("closed")) } else { Ok(()) }
    }
}

impl Contender for AsyncMemcached {
    async fn open(server: SocketAddr, pool: usize) -> Outcome<Self> {
        let dial = Dial(format!("tcp://{server}"));
        Ok(Self(Pool::builder(dial).max_size(pool).build()?))
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
