//! memcache-async in bb8, without a check when a connection is taken.

use std::{io, net::SocketAddr};

use bb8::{ManageConnection, Pool};
use bytes::Bytes;
use memcache_async::ascii::Protocol;
use tokio::net::TcpStream;

use super::{Contender, Found, Outcome, TTL_SECONDS};

pub(crate) struct MemcacheAsync(Pool<Dial>);

pub(crate) struct Dial(SocketAddr);

impl ManageConnection for Dial {
    type Connection = Protocol<TcpStream>;
    type Error = io::Error;

    async fn connect(&self) -> io::Result<Protocol<TcpStream>> {
        let stream = TcpStream::connect(self.0).await?;
        stream.set_nodelay(true)?;
        Ok(Protocol::new(stream))
    }

    async fn is_valid(&self, _: &mut Protocol<TcpStream>) -> io::Result<()> {
        Ok(())
    }

    fn has_broken(&self, _: &mut Protocol<TcpStream>) -> bool {
        false
    }
}

impl Contender for MemcacheAsync {
    async fn open(server: SocketAddr, pool: usize) -> Outcome<Self> {
        let builder = Pool::builder().max_size(pool as u32).test_on_check_out(false);
        Ok(Self(builder.build(Dial(server)).await?))
    }

    async fn share(&self) -> Outcome<Self> {
        Ok(Self(self.0.clone()))
    }

    async fn get(&mut self, key: &str) -> Outcome<usize> {
        Ok(self.0.get().await?.get(key).await?.len())
    }

    async fn set(&mut self, key: &str, value: &Bytes) -> Outcome<()> {
        Ok(self.0.get().await?.set(key, value, TTL_SECONDS).await?)
    }

    async fn get_many(&mut self, keys: &[String]) -> Outcome<Found> {
        let values = self.0.get().await?.get_multi(keys).await?;
        Ok(Found::of(values.values().map(Vec::len)))
    }
}
