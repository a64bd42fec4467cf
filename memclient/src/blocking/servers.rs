//! What concerns whole servers, and what they know of themselves and of an item.

use std::time::Duration;

use super::Client;
use crate::{
    client::{KeyInfo, Stats},
    error::Result,
    wire::AsKey,
};

impl Client {
    /// Returns the version of each server, by its address, in the order in which the servers were
    /// named.
    ///
    /// A good first call of a program: it fails when a server cannot be reached.
    ///
    /// # Errors
    /// One outcome per server: a server that is down fails its own.
    pub fn versions(&self) -> Vec<(String, Result<String>)> {
        self.run(self.client.versions())
    }

    /// Returns the version of the first server.
    ///
    /// # Errors
    /// When the server cannot be asked.
    pub fn version(&self) -> Result<String> {
        self.run(self.client.version())
    }

    /// Returns what each server says of itself, by its address, in the order in which the servers
    /// were named; [`Stats::server`] has the usual numbers.
    ///
    /// # Errors
    /// One outcome per server: a server that is down fails its own.
    pub fn stats(&self) -> Vec<(String, Result<Stats>)> {
        self.run(self.client.stats())
    }

    /// Returns what each server answers to `stats` with these words behind it: `["items"]`,
    /// `["slabs"]`, `["settings"]`, `["conns"]`, `["cachedump", "1", "10"]`.
    ///
    /// `["reset"]` sets counters back and answers nothing.
    ///
    /// # Errors
    /// One outcome per server. A word that is empty, longer than 250 bytes, or has anything but
    /// printable ASCII without spaces is refused before anything is sent
    /// ([`Error::is_input`](crate::Error::is_input)); a server that does not know the words answers
    /// with an error.
    pub fn stats_of<W: AsRef<str>>(
        &self,
        words: impl IntoIterator<Item = W>,
    ) -> Vec<(String, Result<Stats>)> {
        self.run(self.client.stats_of(words))
    }

    /// Returns what the server knows of the item, without counting as a read of it; `None` where
    /// there is no such item. For looking at a cache, not for working with it.
    ///
    /// # Errors
    /// When the key is none, in the classic dialect, which has no word for it
    /// ([`Error::is_unsupported`](crate::Error::is_unsupported)), or when the server cannot be asked.
    pub fn meta_of(&self, key: impl AsKey) -> Result<Option<KeyInfo>> {
        self.run(self.client.meta_of(key))
    }

    /// Removes every item of every server.
    ///
    /// # Errors
    /// The first failure; the servers before it are empty, those behind it were not asked.
    pub fn flush_all(&self) -> Result<()> {
        self.run(self.client.flush_all())
    }

    /// Has every server drop, once `delay` has passed, what it holds then; rounded up to whole
    /// seconds. Does not wait for that.
    ///
    /// # Errors
    /// As [`Client::flush_all`].
    pub fn flush_all_after(&self, delay: Duration) -> Result<()> {
        self.run(self.client.flush_all_after(delay))
    }

    /// Gives every server another limit for the memory of its items, in megabytes (2^20 bytes).
    ///
    /// # Errors
    /// The first failure; the servers before it have the new limit, those behind it were not asked.
    /// A server refuses a limit that is too small, in its own words
    /// ([`Error::server_message`](crate::Error::server_message)).
    pub fn cache_memlimit(&self, megabytes: u32) -> Result<()> {
        self.run(self.client.cache_memlimit(megabytes))
    }

    /// Has every server write more or less to its log: nothing at 0, errors and warnings at 1,
    /// each command and reply at 2.
    ///
    /// # Errors
    /// The first failure; the servers before it have the new level, those behind it were not asked.
    pub fn verbosity(&self, level: u32) -> Result<()> {
        self.run(self.client.verbosity(level))
    }

    /// Ends every server process at once. A server does that only if it was started with `-A`.
    ///
    /// # Errors
    /// The first failure; the servers before it have ended, those behind it were not asked. A
    /// server that was not started so refuses in its own words
    /// ([`Error::server_message`](crate::Error::server_message)).
    pub fn shutdown(&self) -> Result<()> {
        self.run(self.client.shutdown())
    }

    /// Ends every server process in good order: it lets connections end first, as far as it knows
    /// how.
    ///
    /// # Errors
    /// As [`Client::shutdown`].
    pub fn shutdown_gracefully(&self) -> Result<()> {
        self.run(self.client.shutdown_gracefully())
    }
}
