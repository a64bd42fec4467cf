//! memclient: one client that all tasks share.

use std::{net::SocketAddr, time::Duration};

use bytes::Bytes;
use memclient::Client;

use super::{Contender, Found, Outcome, TTL_SECONDS, miss};

pub(crate) struct Memclient(Client);

impl Contender for Memclient {
    async fn open(server: SocketAddr, _pool: usize) -> Outcome<Self> {
        Ok(Self(Client::new(server.to_string())?))
    }

    async fn share(&self) -> Outcome<Self> {
        Ok(Self(self.0.clone()))
    }

    async fn get(&mut self, key: &str) -> Outcome<usize> {
        Ok(self.0.get(key).await?.ok_or_else(miss)?.len())
    }

    async fn set(&mut self, key: &str, value: &Bytes) -> Outcome<()> {
        let ttl = Duration::from_secs(TTL_SECONDS.into());
        let _stored = self.0.set(key, value.clone(), ttl).await?;
        Ok(())
    }

    async fn get_many(&mut self, keys: &[String]) -> Outcome<Found> {
        let mut found = Found::default();
        for answer in self.0.get_many(keys).await {
            if let Some(value) = answer? {
                found.values += 1;
                found.bytes += value.len();
            }
        }
        Ok(found)
    }
}
