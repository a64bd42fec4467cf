//! Reading.

use std::slice;

use super::{
    Client, Item,
    call::{Call, one},
    item::Seen,
};
use crate::{
    conn::Ask,
    error::Result,
    proto::command::Get,
    wire::{AsKey, Value},
};

impl Client {
    /// Returns the value, or `None` where there is no such item.
    ///
    /// An item that was marked stale ([`Delete::stale_for`](crate::backend::Delete::stale_for)) is
    /// returned like any other; [`Client::gets`] tells. What stands in the place of an item that
    /// somebody loads ([`Get::lease`](crate::backend::Get::lease)) is none, as far as the meta dialect
    /// can tell it from an empty value.
    ///
    /// # Errors
    /// When the key is none, or the server cannot be asked; a client whose
    /// [reads fail open](crate::ClientBuilder::fail_open_reads) returns `None` then.
    ///
    /// # Cancel safety
    /// Dropping the future costs nobody anything.
    pub async fn get(&self, key: impl AsKey) -> Result<Option<Value>> {
        let key = self.key(&key).map_err(|error| error.during("get"))?;
        let call = Call { command: "get", node: self.0.cluster.node(&key.key), repeatable: true };
        let ask = Ask::<Get<'_>>::Values(slice::from_ref(&key));
        let seen = match call.run(ask, call.bytes(&key), self.deadline()).await.and_then(one) {
            Ok(reply) => {
                call.note(&key, &reply);
                Seen::read(reply)
            }
            Err(error) => Err(error),
        };
        let value = match seen {
            Ok(Seen::Value(value)) => return Ok(value),
            Ok(seen) => Box::pin(self.resolve(call, key, seen)).await,
            Err(error) => Err(error),
        };
        self.open(value.map_err(|error| call.blame(error)))
    }

    /// Returns the value with its version, for a later [`Client::cas`], and its remaining life, which
    /// the classic dialect does not say; `None` where there is no such item.
    ///
    /// # Errors
    /// As [`Client::get`].
    ///
    /// # Cancel safety
    /// Dropping the future costs nobody anything.
    pub async fn gets(&self, key: impl AsKey) -> Result<Option<Item>> {
        self.open(self.read(&key, false).await)
    }

    /// Returns one answer per key, in the order of the keys: what [`Client::get`] would have
    /// returned.
    ///
    /// All keys of a node travel together. A key that is none, or a node that is down, fails its
    /// own answers only.
    ///
    /// # Cancel safety
    /// Dropping the future costs nobody anything.
    #[doc(alias = "get_multi")]
    pub async fn get_many<K: AsKey>(&self, keys: &[K]) -> Vec<Result<Option<Value>>> {
        let wire = self.requests(keys, (), |client, key, ()| client.key(key));
        let seen = self.batch("get", true, wire, Seen::read).await;
        self.open_all(self.resolve_all(keys, seen).await)
    }

    /// Returns one answer per key, in the order of the keys: what [`Client::gets`] would have
    /// returned.
    ///
    /// # Cancel safety
    /// Dropping the future costs nobody anything.
    pub async fn gets_many<K: AsKey>(&self, keys: &[K]) -> Vec<Result<Option<Item>>> {
        self.open_all(self.read_many(keys, false).await)
    }
}
