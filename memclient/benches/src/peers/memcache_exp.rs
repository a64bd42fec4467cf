//! The async meta client of `memcache::exp`, which has a pool of its own.

use std::net::SocketAddr;

use bytes::Bytes;
use memcache::exp::{AsyncMetaClient, Get, Ttl};

use super::{Contender, Found, Outcome, TTL_SECONDS, miss};

pub(crate) struct MemcacheExp(AsyncMetaClient);

impl Contender for MemcacheExp {
    async fn open(server: SocketAddr, pool: usize) -> Outcome<Self> {
        let builder = AsyncMetaClient::builder().max_idle(pool).max_connections(Some(pool));
        Ok(Self(builder.connect_async(server).await?))
    }

    async fn share(&self) -> Outcome<Self> {
        Ok(Self(self.0.clone()))
    }

    async fn get(&mut self, key: &str) -> Outcome<usize> {
        Ok(self.0.get(key).send().await?.value.ok_or_else(miss)?.len())
    }

    async fn set(&mut self, key: &str, value: &Bytes) -> Outcome<()> {
        let ttl = Ttl::secs(TTL_SECONDS);
        let result = self.0.set(key, value).ttl(ttl).send().await?;
        if result.applied() { Ok(()) } else { Err("a set was not applied".into()) }
    }

    async fn get_many(&mut self, keys: &[String]) -> Outcome<Found> {
        let mut found = Found::default();
        for answer in self.0.run_many(keys.iter().map(Get::new)).await? {
            if let Some(value) = answer?.value {
                found.values += 1;
                found.bytes += value.len();
            }
        }
        Ok(found)
    }
}
