//! Counting.

use super::Client;
use crate::{
    error::Result,
    wire::{AsKey, Ttl},
};

impl Client {
    /// Adds to a counter, an item of decimal digits, and returns its new value; `None` where there
    /// is none.
    ///
    /// Beyond `u64::MAX` the counter wraps around.
    ///
    /// # Errors
    /// When the item is no number ([`Error::server_message`](crate::Error::server_message) says so),
    /// or the counter may or may not have changed.
    pub fn incr(&self, key: impl AsKey, delta: u64) -> Result<Option<u64>> {
        self.run(self.client.incr(key, delta))
    }

    /// Subtracts from a counter and returns its new value; `None` where there is none. The counter
    /// stops at zero.
    ///
    /// A counter that loses a digit keeps a space in its place: memcached pads it.
    ///
    /// # Errors
    /// As [`Client::incr`].
    pub fn decr(&self, key: impl AsKey, delta: u64) -> Result<Option<u64>> {
        self.run(self.client.decr(key, delta))
    }

    /// Adds to a counter and returns its new value; where there is none, makes one that begins at
    /// `initial`, to which nothing is added, and lives for `ttl`.
    ///
    /// # Errors
    /// As [`Client::incr`]; and in the classic dialect, which has no word for it
    /// ([`Error::is_unsupported`](crate::Error::is_unsupported)).
    pub fn incr_or_init(
        &self,
        key: impl AsKey,
        delta: u64,
        initial: u64,
        ttl: impl Into<Ttl>,
    ) -> Result<u64> {
        self.run(self.client.incr_or_init(key, delta, initial, ttl))
    }
}
