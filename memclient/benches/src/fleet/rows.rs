//! Who keeps the key, each as its authors would have it used.

use std::{net::SocketAddr, time::Duration};

use memcache::exp::{AsyncMemcache, Ttl};
use memclient::{Cache, Client, TypedCache};

use super::crowd::load;
use crate::peers::Outcome;

const KEY: &str = "EUR";

const HOUR: Duration = Duration::from_hours(1);

/// One who keeps the key.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Row {
    /// `TypedCache::try_get_or_load`, with a near tier and memcached.
    Memclient,
    /// `AsyncMemcache::fetch`, with memcached.
    MemcacheExp,
    /// A cached function that synchronizes its writes by key; it has no shared store of this kind.
    Cached,
}

impl Row {
    pub(super) const ALL: [Self; 3] = [Self::Memclient, Self::MemcacheExp, Self::Cached];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Memclient => "memclient",
            Self::MemcacheExp => "memcache-exp",
            Self::Cached => "cached",
        }
    }
}

/// What the callers of a process share.
#[derive(Clone)]
pub(super) enum Keeper {
    Memclient(TypedCache<u64>),
    MemcacheExp(AsyncMemcache),
    Cached,
}

impl Keeper {
    pub(super) async fn open(row: &str, server: SocketAddr) -> Outcome<Self> {
        let found = Row::ALL.into_iter().find(|known| known.name() == row);
        match found.ok_or("there is no such row")? {
            Row::Memclient => {
                let client = Client::builder().server(server.to_string()).build()?;
                client.get("nothing").await?;
                let cache = Cache::builder().backend(client).build()?;
                Ok(Self::Memclient(cache.typed("rate").ttl(HOUR)))
            }
            Row::MemcacheExp => {
                let client = AsyncMemcache::connect([server]).await?;
                client.get::<u64>("nothing").await?;
                Ok(Self::MemcacheExp(client))
            }
            Row::Cached => Ok(Self::Cached),
        }
    }

    pub(super) async fn ask(&self) -> Outcome<u64> {
        match self {
            Self::Memclient(rates) => Ok(rates.try_get_or_load(KEY, load).await?),
            Self::MemcacheExp(client) => Ok(client.fetch(KEY, Ttl::secs(3600), load()).await?),
            Self::Cached => Ok(by_cached(KEY).await?),
        }
    }
}

#[cached::macros::cached(
    max_size = 1000,
    ttl_secs = 3600,
    sync_writes = "by_key",
    key = "String",
    convert = r"{ key.to_owned() }"
)]
async fn by_cached(key: &str) -> Result<u64, std::io::Error> {
    debug_assert_eq!(key, KEY);
    load().await
}
