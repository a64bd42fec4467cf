//! Changing what is there.

use super::{
    Client,
    call::{Call, unexpected},
};
use crate::{
    error::{Error, Result},
    proto::{
        meta,
        meta::{Counting, Status},
    },
    wire::{AsKey, CasToken, Deleted, Touched, Ttl},
};

impl Client {
    /// Removes the item.
    ///
    /// # Errors
    /// When the key is none, or the item may still be there.
    ///
    /// # Cancel safety
    /// Dropping the future costs nobody anything; the item may or may not be gone.
    pub async fn delete(&self, key: impl AsKey) -> Result<Deleted> {
        self.remove(key, None).await
    }

    /// Removes the item where it still has the version that [`Client::gets`] read.
    ///
    /// # Errors
    /// As [`Client::delete`].
    ///
    /// # Cancel safety
    /// Dropping the future costs nobody anything; the item may or may not be gone.
    pub async fn delete_if(&self, key: impl AsKey, cas: CasToken) -> Result<Deleted> {
        self.remove(key, Some(cas)).await
    }

    /// Gives the item another time to live, from now on.
    ///
    /// # Errors
    /// When the key or the time to live is refused before anything is sent, or the item may have
    /// its old time to live.
    ///
    /// # Cancel safety
    /// Dropping the future costs nobody anything; the item may have either time to live.
    pub async fn touch(&self, key: impl AsKey, ttl: impl Into<Ttl>) -> Result<Touched> {
        let key = self.key(&key).map_err(|error| error.during("touch"))?;
        let ttl = self.ttl(ttl).map_err(|error| error.during("touch"))?;
        let call = Call { command: "touch", node: self.0.cluster.node(&key.key), repeatable: true };
        let reply = self.meta(call, meta::Touch { key, ttl }, key.len()).await?;
        match reply.status {
            Status::Done => Ok(Touched::Touched),
            Status::Miss => Ok(Touched::NotFound),
            _ => Err(call.blame(unexpected(&reply))),
        }
    }

    /// Adds to a counter, an item of decimal digits, and returns its new value; `None` where there
    /// is none.
    ///
    /// Beyond `u64::MAX` the counter wraps around.
    ///
    /// # Errors
    /// When the item is no number ([`Error::server_message`] says so), or the counter may or may
    /// not have changed.
    ///
    /// # Cancel safety
    /// Dropping the future costs nobody anything; the counter may or may not have changed.
    pub async fn incr(&self, key: impl AsKey, delta: u64) -> Result<Option<u64>> {
        self.count("incr", &key, Counting::Up, delta, None).await
    }

    /// Subtracts from a counter and returns its new value; `None` where there is none. The counter
    /// stops at zero.
    ///
    /// A counter that loses a digit keeps a space in its place: memcached pads it.
    ///
    /// # Errors
    /// As [`Client::incr`].
    ///
    /// # Cancel safety
    /// Dropping the future costs nobody anything; the counter may or may not have changed.
    pub async fn decr(&self, key: impl AsKey, delta: u64) -> Result<Option<u64>> {
        self.count("decr", &key, Counting::Down, delta, None).await
    }

    pub(crate) async fn remove(&self, key: impl AsKey, cas: Option<CasToken>) -> Result<Deleted> {
        let key = self.key(&key).map_err(|error| error.during("delete"))?;
        let call =
            Call { command: "delete", node: self.0.cluster.node(&key.key), repeatable: false };
        let reply = self.meta(call, meta::Delete { key, cas }, key.len()).await?;
        match reply.status {
            Status::Done => Ok(Deleted::Deleted),
            Status::NotFound => Ok(Deleted::NotFound),
            Status::Exists => Ok(Deleted::Exists),
            _ => Err(call.blame(unexpected(&reply))),
        }
    }

    pub(crate) async fn count(
        &self,
        command: &'static str,
        key: &impl AsKey,
        counting: Counting,
        delta: u64,
        initial: Option<(u64, Ttl)>,
    ) -> Result<Option<u64>> {
        let key = self.key(key).map_err(|error| error.during(command))?;
        let start = |(start, ttl)| Ok::<_, Error>((start, self.ttl(ttl)?));
        let initial = initial.map(start).transpose().map_err(|error| error.during(command))?;
        let call = Call { command, node: self.0.cluster.node(&key.key), repeatable: false };
        let reply =
            self.meta(call, meta::Arithmetic { key, counting, delta, initial }, key.len()).await?;
        let number = |data: &[u8]| std::str::from_utf8(data).ok()?.trim_end().parse().ok();
        match (reply.status, reply.data.as_deref().and_then(number)) {
            (Status::Value, Some(number)) => Ok(Some(number)),
            (Status::NotFound, _) => Ok(None),
            _ => Err(call.blame(unexpected(&reply))),
        }
    }
}
