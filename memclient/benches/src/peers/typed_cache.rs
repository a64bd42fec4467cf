//! memclient's typed cache without a near tier: what the engine costs over the bare client.

use std::{net::SocketAddr, time::Duration};

use bytes::Bytes;
use memclient::{Cache, Client, TypedCache};

use super::{Contender, Found, Outcome, TTL_SECONDS, miss};
use crate::workload::{Data, SMALL};

#[derive(Clone)]
pub(crate) struct Typed(TypedCache<Bytes>);

impl Contender for Typed {
    async fn open(server: SocketAddr, _pool: usize) -> Outcome<Self> {
        let cache = Cache::builder().backend(Client::new(server.to_string())?).without_near();
        let typed = cache.build()?.typed("bench").ttl(Duration::from_secs(TTL_SECONDS.into()));
        let data = Data::new(SMALL);
        for key in &data.read {
            typed.put(&**key, &data.value).await?;
        }
        Ok(Self(typed))
    }

    async fn share(&self) -> Outcome<Self> {
        Ok(self.clone())
    }

    async fn get(&mut self, key: &str) -> Outcome<usize> {
        Ok(self.0.get(key).await?.ok_or_else(miss)?.len())
    }

    async fn set(&mut self, key: &str, value: &Bytes) -> Outcome<()> {
        Ok(self.0.put(key, value).await?)
    }

    async fn get_many(&mut self, _keys: &[String]) -> Outcome<Found> {
        Err("the typed cache has no batches".into())
    }
}
