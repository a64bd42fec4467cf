//! Reading.

use super::Client;
use crate::{
    client::Item,
    error::Result,
    wire::{AsKey, Ttl, Value},
};

impl Client {
    /// Returns the value, or `None` where there is no such item.
    ///
    /// # Errors
    /// When the key is none, or the server cannot be asked; a client whose
    /// [reads fail open](crate::ClientBuilder::fail_open_reads) returns `None` then.
    pub fn get(&self, key: impl AsKey) -> Result<Option<Value>> {
        self.run(self.client.get(key))
    }

    /// Returns the value with its version, for a later [`Client::cas`], and its remaining life, which
    /// the classic dialect does not say; `None` where there is no such item.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub fn gets(&self, key: impl AsKey) -> Result<Option<Item>> {
        self.run(self.client.gets(key))
    }

    /// Returns one answer per key, in the order of the keys: what [`Client::get`] would have
    /// returned.
    ///
    /// All keys of a node travel together. A key that is none, or a node that is down, fails its
    /// own answers only.
    #[doc(alias = "get_multi")]
    pub fn get_many<K: AsKey>(&self, keys: &[K]) -> Vec<Result<Option<Value>>> {
        self.run(self.client.get_many(keys))
    }

    /// Returns one answer per key, in the order of the keys: what [`Client::gets`] would have
    /// returned.
    pub fn gets_many<K: AsKey>(&self, keys: &[K]) -> Vec<Result<Option<Item>>> {
        self.run(self.client.gets_many(keys))
    }

    /// Returns the value and gives its item another time to live, from now on; `None` where there is
    /// no such item.
    ///
    /// # Errors
    /// When the key or the time to live is refused before anything is sent, when the server is older
    /// than 1.5.3 ([`Error::is_unsupported`](crate::Error::is_unsupported)), or when it cannot be
    /// asked: the item may have either time to live then. A client whose
    /// [reads fail open](crate::ClientBuilder::fail_open_reads) returns `None` in the last case.
    pub fn gat(&self, key: impl AsKey, ttl: impl Into<Ttl>) -> Result<Option<Value>> {
        self.run(self.client.gat(key, ttl))
    }

    /// Does what [`Client::gat`] does, and returns the version too; the remaining life is the new
    /// one.
    ///
    /// # Errors
    /// As [`Client::gat`].
    pub fn gats(&self, key: impl AsKey, ttl: impl Into<Ttl>) -> Result<Option<Item>> {
        self.run(self.client.gats(key, ttl))
    }

    /// Returns one answer per key, in the order of the keys: what [`Client::gat`] would have
    /// returned.
    ///
    /// All keys of a node travel together. A key that is none, or a node that is down, fails its
    /// own answers only.
    pub fn gat_many<K: AsKey>(
        &self,
        keys: &[K],
        ttl: impl Into<Ttl>,
    ) -> Vec<Result<Option<Value>>> {
        self.run(self.client.gat_many(keys, ttl))
    }

    /// Returns one answer per key, in the order of the keys: what [`Client::gats`] would have
    /// returned.
    pub fn gats_many<K: AsKey>(
        &self,
        keys: &[K],
        ttl: impl Into<Ttl>,
    ) -> Vec<Result<Option<Item>>> {
        self.run(self.client.gats_many(keys, ttl))
    }
}
