//! Writing.

use super::Client;
use crate::{
    error::Result,
    wire::{AsKey, CasOutcome, CasToken, IntoValue, Stored, Ttl},
};

impl Client {
    /// Stores the value whatever is there.
    ///
    /// The 32 bits of flags that stand beside the bytes say what they are, so that every reader knows;
    /// each type has its own. To have others, give a [`Value`](crate::Value) that carries them.
    ///
    /// # Errors
    /// When the key, the value or the time to live is refused before anything is sent; when the
    /// server refuses, for example because the value is too large
    /// ([`Error::is_too_large`](crate::Error::is_too_large); the item that was there before is gone
    /// then); when it is not known whether the value was stored.
    pub fn set(
        &self,
        key: impl AsKey,
        value: impl IntoValue,
        ttl: impl Into<Ttl>,
    ) -> Result<Stored> {
        self.run(self.client.set(key, value, ttl))
    }

    /// Stores the value where there is no item.
    ///
    /// # Errors
    /// As [`Client::set`].
    pub fn add(
        &self,
        key: impl AsKey,
        value: impl IntoValue,
        ttl: impl Into<Ttl>,
    ) -> Result<Stored> {
        self.run(self.client.add(key, value, ttl))
    }

    /// Stores the value where there is an item.
    ///
    /// # Errors
    /// As [`Client::set`].
    pub fn replace(
        &self,
        key: impl AsKey,
        value: impl IntoValue,
        ttl: impl Into<Ttl>,
    ) -> Result<Stored> {
        self.run(self.client.replace(key, value, ttl))
    }

    /// Adds the bytes behind those of an item; its flags and time to live stay.
    ///
    /// # Errors
    /// As [`Client::set`]; an item that would grow too large keeps its old bytes.
    pub fn append(&self, key: impl AsKey, value: impl IntoValue) -> Result<Stored> {
        self.run(self.client.append(key, value))
    }

    /// Adds the bytes before those of an item; its flags and time to live stay.
    ///
    /// # Errors
    /// As [`Client::append`].
    pub fn prepend(&self, key: impl AsKey, value: impl IntoValue) -> Result<Stored> {
        self.run(self.client.prepend(key, value))
    }

    /// Stores the value where the item still has the version that [`Client::gets`] read.
    ///
    /// # Errors
    /// As [`Client::set`].
    pub fn cas(
        &self,
        key: impl AsKey,
        value: impl IntoValue,
        ttl: impl Into<Ttl>,
        cas: CasToken,
    ) -> Result<CasOutcome> {
        self.run(self.client.cas(key, value, ttl, cas))
    }

    /// Stores many values alike; returns one outcome per entry, in their order: what
    /// [`Client::set`] would have returned.
    ///
    /// All entries of a node travel together. What one entry comes to leaves the others alone.
    #[doc(alias = "set_multi")]
    pub fn set_many<K: AsKey, V: IntoValue>(
        &self,
        entries: impl IntoIterator<Item = (K, V)>,
        ttl: impl Into<Ttl>,
    ) -> Vec<Result<Stored>> {
        self.run(self.client.set_many(entries, ttl))
    }
}
