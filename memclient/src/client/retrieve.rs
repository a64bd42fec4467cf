//! Reading.

use super::{
    Client, Item,
    batch::Entry,
    call::{Call, meta_reply},
};
use crate::{
    error::Result,
    proto::meta,
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
        Ok(self.gets(key).await?.map(|item| item.value))
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
        let reply = self.meta(call, meta::Get { key }, key.len()).await?;
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
        let items = self.gets_many(keys).await;
        items.into_iter().map(|item| Ok(item?.map(|item| item.value))).collect()
    }

    /// Returns one answer per key, in the order of the keys: what [`Client::gets`] would have
    /// returned.
    ///
    /// # Cancel safety
    /// Dropping the future costs nobody anything.
    pub async fn gets_many<K: AsKey>(&self, keys: &[K]) -> Vec<Result<Option<Item>>> {
        let entries = keys.iter().map(|key| {
            let key = self.key(key)?;
            Ok(Entry { key: key.key, bytes: key.len(), request: meta::Get { key } })
        });
        self.batch("get", true, entries.collect(), |reply| Item::read(meta_reply(reply)?)).await
    }
}
