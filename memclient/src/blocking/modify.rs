//! Changing what is there.

use super::Client;
use crate::{
    error::Result,
    wire::{AsKey, CasToken, Deleted, Touched, Ttl},
};

impl Client {
    /// Removes the item.
    ///
    /// # Errors
    /// When the key is none, or the item may still be there.
    pub fn delete(&self, key: impl AsKey) -> Result<Deleted> {
        self.run(self.client.delete(key))
    }

    /// Removes many items; returns one outcome per key, in the order of the keys: what
    /// [`Client::delete`] would have returned.
    ///
    /// All keys of a node travel together. What one key comes to leaves the others alone.
    #[doc(alias = "delete_multi")]
    pub fn delete_many<K: AsKey>(&self, keys: &[K]) -> Vec<Result<Deleted>> {
        self.run(self.client.delete_many(keys))
    }

    /// Removes the item where it still has the version that [`Client::gets`] read.
    ///
    /// # Errors
    /// As [`Client::delete`]; and in the classic dialect, which has no word for it
    /// ([`Error::is_unsupported`](crate::Error::is_unsupported)).
    pub fn delete_if(&self, key: impl AsKey, cas: CasToken) -> Result<Deleted> {
        self.run(self.client.delete_if(key, cas))
    }

    /// Gives the item another time to live, from now on.
    ///
    /// # Errors
    /// When the key or the time to live is refused before anything is sent, or the item may have
    /// its old time to live.
    pub fn touch(&self, key: impl AsKey, ttl: impl Into<Ttl>) -> Result<Touched> {
        self.run(self.client.touch(key, ttl))
    }

    /// Gives many items another time to live; returns one outcome per key, in the order of the keys:
    /// what [`Client::touch`] would have returned.
    pub fn touch_many<K: AsKey>(&self, keys: &[K], ttl: impl Into<Ttl>) -> Vec<Result<Touched>> {
        self.run(self.client.touch_many(keys, ttl))
    }
}
