//! Reading.

use super::{
    Client, Item,
    call::{Call, meta_reply, one},
    item,
};
use crate::{
    conn::Ask,
    error::Result,
    proto::meta::{self, WireKey},
    wire::{AsKey, Value},
};

impl Client {
    /// Returns the value, or `None` where there is no such item.
    ///
    /// # Errors
    /// When the key is none, or the server cannot be asked.
    ///
    /// # Cancel safety
    /// Dropping the future costs nobody anything.
    pub async fn get(&self, key: impl AsKey) -> Result<Option<Value>> {
        let key = self.key(&key).map_err(|error| error.during("get"))?;
        let call = Call { command: "get", node: self.0.cluster.node(&key.key), repeatable: true };
        let ask = Ask::<meta::Get<'_>>::Values(std::slice::from_ref(&key));
        let replies = call.run(ask, call.bytes(&key), self.deadline()).await?;
        let reply = one(replies)?;
        call.note(&key, &reply);
        item::value(reply).map_err(|error| call.blame(error))
    }

    /// Returns the value with its version, for a later [`Client::cas`], and its remaining life;
    /// `None` where there is no such item.
    ///
    /// # Errors
    /// When the key is none, or the server cannot be asked.
    ///
    /// # Cancel safety
    /// Dropping the future costs nobody anything.
    pub async fn gets(&self, key: impl AsKey) -> Result<Option<Item>> {
        let key = self.key(&key).map_err(|error| error.during("get"))?;
        let call = Call { command: "get", node: self.0.cluster.node(&key.key), repeatable: true };
        let bytes = call.bytes(&key);
        let reply = self.meta(call, meta::Get { key, details: true }, bytes).await?;
        Item::read(reply).map_err(|error| call.blame(error))
    }

    /// Returns one answer per key, in the order of the keys: what [`Client::get`] would have
    /// returned.
    ///
    /// All keys of a node travel together. A key that is none, or a node that is down, fails its
    /// own answers only.
    ///
    /// # Cancel safety
    /// Dropping the future costs nobody anything.
    pub async fn get_many<K: AsKey>(&self, keys: &[K]) -> Vec<Result<Option<Value>>> {
        let keys = keys.iter().map(|key| self.key(key));
        self.batch::<WireKey<'_>, _>("get", true, keys, item::value).await
    }

    /// Returns one answer per key, in the order of the keys: what [`Client::gets`] would have
    /// returned.
    ///
    /// # Cancel safety
    /// Dropping the future costs nobody anything.
    pub async fn gets_many<K: AsKey>(&self, keys: &[K]) -> Vec<Result<Option<Item>>> {
        let requests = keys.iter().map(|key| Ok(meta::Get { key: self.key(key)?, details: true }));
        self.batch("get", true, requests, |reply| Item::read(meta_reply(reply)?)).await
    }
}
