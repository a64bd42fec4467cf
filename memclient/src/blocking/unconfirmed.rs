//! Writing without waiting for the answer.

use super::Client;
use crate::{
    client,
    conn::Settled,
    error::Result,
    wire::{AsKey, IntoValue, Ttl},
};

/// Writes that return as soon as they are on their way; see [`Client::unconfirmed`].
#[derive(Clone, Copy, Debug)]
pub struct Unconfirmed<'a>(&'a Client);

impl Client {
    /// Returns the writes that do not wait for their answers.
    ///
    /// Each of them looks at its input and finds a connection first, and fails like any other if it
    /// cannot be sent; it blocks for so long. From then on its answer is the connection's business:
    /// what the server refuses, and what is under way when a connection is lost, is counted
    /// ([`Client::unconfirmed_failures`]) and reported to the client's observer
    /// ([`Event::UnconfirmedFailed`](crate::Event::UnconfirmedFailed)). The server does answer, so
    /// no answer is ever taken for that of another call.
    ///
    /// Writes of one thread reach the server in their order where there is one connection
    /// ([`max_pool_size`](crate::ClientBuilder::max_pool_size)); over several they may overtake one
    /// another. Where that matters, wait at a [`Client::barrier`].
    ///
    /// ```no_run
    /// use memclient::{Ttl, blocking::Client};
    ///
    /// # fn example(client: Client) -> memclient::Result<()> {
    /// for number in 0..1000 {
    ///     client.unconfirmed().set(format!("n:{number}"), number, Ttl::secs(60))?;
    /// }
    /// let settled = client.barrier();
    /// assert_eq!((settled.sent, settled.failed), (1000, 0));
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "noreply")]
    pub fn unconfirmed(&self) -> Unconfirmed<'_> {
        Unconfirmed(self)
    }

    /// Blocks until every write that was sent without waiting is answered, and returns how many there
    /// were since the last barrier and how many of them failed.
    ///
    /// It counts for all clones of the client, and ends within about the
    /// [`timeout`](crate::ClientBuilder::timeout) of the last such write: a server that does not answer
    /// loses the connection, and what was under way on it has failed.
    pub fn barrier(&self) -> Settled {
        self.run(self.client.barrier())
    }

    /// Returns how many writes that nobody waited for failed since the client was made: refused by the
    /// server, or under way when their connection was lost.
    pub fn unconfirmed_failures(&self) -> u64 {
        self.client.unconfirmed_failures()
    }
}

impl Unconfirmed<'_> {
    /// Sends a [`Client::set`].
    ///
    /// # Errors
    /// When the key, the value or the time to live is refused before anything is sent, or no
    /// connection can be had.
    pub fn set(self, key: impl AsKey, value: impl IntoValue, ttl: impl Into<Ttl>) -> Result<()> {
        self.0.run(self.writes().set(key, value, ttl))
    }

    /// Sends a [`Client::add`].
    ///
    /// # Errors
    /// As [`Unconfirmed::set`].
    pub fn add(self, key: impl AsKey, value: impl IntoValue, ttl: impl Into<Ttl>) -> Result<()> {
        self.0.run(self.writes().add(key, value, ttl))
    }

    /// Sends a [`Client::replace`].
    ///
    /// # Errors
    /// As [`Unconfirmed::set`].
    pub fn replace(
        self,
        key: impl AsKey,
        value: impl IntoValue,
        ttl: impl Into<Ttl>,
    ) -> Result<()> {
        self.0.run(self.writes().replace(key, value, ttl))
    }

    /// Sends a [`Client::append`].
    ///
    /// # Errors
    /// As [`Unconfirmed::set`].
    pub fn append(self, key: impl AsKey, value: impl IntoValue) -> Result<()> {
        self.0.run(self.writes().append(key, value))
    }

    /// Sends a [`Client::prepend`].
    ///
    /// # Errors
    /// As [`Unconfirmed::set`].
    pub fn prepend(self, key: impl AsKey, value: impl IntoValue) -> Result<()> {
        self.0.run(self.writes().prepend(key, value))
    }

    /// Sends a [`Client::delete`].
    ///
    /// # Errors
    /// When the key is none, or no connection can be had.
    pub fn delete(self, key: impl AsKey) -> Result<()> {
        self.0.run(self.writes().delete(key))
    }

    /// Sends a [`Client::touch`].
    ///
    /// # Errors
    /// When the key or the time to live is refused before anything is sent, or no connection can be
    /// had.
    pub fn touch(self, key: impl AsKey, ttl: impl Into<Ttl>) -> Result<()> {
        self.0.run(self.writes().touch(key, ttl))
    }

    /// Sends a [`Client::incr`].
    ///
    /// # Errors
    /// When the key is none, or no connection can be had.
    pub fn incr(self, key: impl AsKey, delta: u64) -> Result<()> {
        self.0.run(self.writes().incr(key, delta))
    }

    /// Sends a [`Client::decr`].
    ///
    /// # Errors
    /// As [`Unconfirmed::incr`].
    pub fn decr(self, key: impl AsKey, delta: u64) -> Result<()> {
        self.0.run(self.writes().decr(key, delta))
    }

    fn writes(&self) -> client::Unconfirmed<'_> {
        self.0.client.unconfirmed()
    }
}
