//! Writing without waiting for the answer.

use super::{Client, call::Call};
use crate::{
    conn::Settled,
    error::Result,
    proto::command::{Counting, Delete, StoreMode},
    wire::{AsKey, IntoValue, Ttl, Value},
};

/// Writes that return as soon as they are on their way; see [`Client::unconfirmed`].
#[derive(Clone, Copy, Debug)]
pub struct Unconfirmed<'a>(&'a Client);

impl Client {
    /// Returns the writes that do not wait for their answers.
    ///
    /// Each of them looks at its input and finds a connection first, and fails like any other if it
    /// cannot be sent. From then on its answer is the connection's business: what the server refuses,
    /// and what is under way when a connection is lost, is counted
    /// ([`Client::unconfirmed_failures`]) and reported to the client's observer
    /// ([`Event::UnconfirmedFailed`](crate::Event::UnconfirmedFailed)). The server does answer, so
    /// no answer is ever taken for that of another call.
    ///
    /// Writes of one task reach the server in their order where there is one connection
    /// ([`max_pool_size`](crate::ClientBuilder::max_pool_size)); over several they may overtake one
    /// another. Where that matters, wait at a [`Client::barrier`].
    ///
    /// ```no_run
    /// use memclient::{Client, Ttl};
    ///
    /// # async fn example(client: Client) -> memclient::Result<()> {
    /// for number in 0..1000 {
    ///     client.unconfirmed().set(format!("n:{number}"), number, Ttl::secs(60)).await?;
    /// }
    /// let settled = client.barrier().await;
    /// assert_eq!((settled.sent, settled.failed), (1000, 0));
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "noreply")]
    pub fn unconfirmed(&self) -> Unconfirmed<'_> {
        Unconfirmed(self)
    }

    /// Waits until every write that was sent without waiting is answered, and returns how many there
    /// were since the last barrier and how many of them failed.
    ///
    /// It counts for all clones of the client, and ends within about the
    /// [`timeout`](crate::ClientBuilder::timeout) of the last such write: a server that does not answer
    /// loses the connection, and what was under way on it has failed.
    ///
    /// # Cancel safety
    /// Dropping the future leaves the count to the next barrier.
    pub async fn barrier(&self) -> Settled {
        self.0.tally.settle().await
    }

    /// Returns how many writes that nobody waited for failed since the client was made: refused by the
    /// server, or under way when their connection was lost.
    pub fn unconfirmed_failures(&self) -> u64 {
        self.0.tally.failures()
    }
}

impl Unconfirmed<'_> {
    /// Sends a [`Client::set`].
    ///
    /// # Errors
    /// When the key, the value or the time to live is refused before anything is sent, or no
    /// connection can be had.
    ///
    /// # Cancel safety
    /// Dropping the future costs nobody anything; the value may or may not be stored.
    pub async fn set(
        self,
        key: impl AsKey,
        value: impl IntoValue,
        ttl: impl Into<Ttl>,
    ) -> Result<()> {
        self.store("set", StoreMode::Set, &key, &value.into_value()?, ttl.into()).await
    }

    /// Sends a [`Client::add`].
    ///
    /// # Errors
    /// As [`Unconfirmed::set`].
    ///
    /// # Cancel safety
    /// As [`Unconfirmed::set`].
    pub async fn add(
        self,
        key: impl AsKey,
        value: impl IntoValue,
        ttl: impl Into<Ttl>,
    ) -> Result<()> {
        self.store("add", StoreMode::Add, &key, &value.into_value()?, ttl.into()).await
    }

    /// Sends a [`Client::replace`].
    ///
    /// # Errors
    /// As [`Unconfirmed::set`].
    ///
    /// # Cancel safety
    /// As [`Unconfirmed::set`].
    pub async fn replace(
        self,
        key: impl AsKey,
        value: impl IntoValue,
        ttl: impl Into<Ttl>,
    ) -> Result<()> {
        self.store("replace", StoreMode::Replace, &key, &value.into_value()?, ttl.into()).await
    }

    /// Sends a [`Client::append`].
    ///
    /// # Errors
    /// As [`Unconfirmed::set`].
    ///
    /// # Cancel safety
    /// Dropping the future costs nobody anything; the bytes may or may not be added.
    pub async fn append(self, key: impl AsKey, value: impl IntoValue) -> Result<()> {
        self.store("append", StoreMode::Append, &key, &value.into_value()?, Ttl::Never).await
    }

    /// Sends a [`Client::prepend`].
    ///
    /// # Errors
    /// As [`Unconfirmed::set`].
    ///
    /// # Cancel safety
    /// Dropping the future costs nobody anything; the bytes may or may not be added.
    pub async fn prepend(self, key: impl AsKey, value: impl IntoValue) -> Result<()> {
        self.store("prepend", StoreMode::Prepend, &key, &value.into_value()?, Ttl::Never).await
    }

    /// Sends a [`Client::delete`].
    ///
    /// # Errors
    /// When the key is none, or no connection can be had.
    ///
    /// # Cancel safety
    /// Dropping the future costs nobody anything; the item may or may not be gone.
    pub async fn delete(self, key: impl AsKey) -> Result<()> {
        let key = self.0.key(&key).map_err(|error| error.during("delete"))?;
        let call = self.call("delete", &key.key);
        self.0.send(call, Delete { key, cas: None, stale: None }, key.len()).await
    }

    /// Sends a [`Client::touch`].
    ///
    /// # Errors
    /// When the key or the time to live is refused before anything is sent, or no connection can be
    /// had.
    ///
    /// # Cancel safety
    /// Dropping the future costs nobody anything; the item may have either time to live.
    pub async fn touch(self, key: impl AsKey, ttl: impl Into<Ttl>) -> Result<()> {
        let request = self.0.touch_request(&key, ttl.into());
        let request = request.map_err(|error| error.during("touch"))?;
        let call = self.call("touch", &request.key.key);
        self.0.send(call, request, request.key.len()).await
    }

    /// Sends a [`Client::incr`].
    ///
    /// # Errors
    /// When the key is none, or no connection can be had.
    ///
    /// # Cancel safety
    /// Dropping the future costs nobody anything; the counter may or may not have changed.
    pub async fn incr(self, key: impl AsKey, delta: u64) -> Result<()> {
        self.count("incr", &key, Counting::Up, delta).await
    }

    /// Sends a [`Client::decr`].
    ///
    /// # Errors
    /// As [`Unconfirmed::incr`].
    ///
    /// # Cancel safety
    /// As [`Unconfirmed::incr`].
    pub async fn decr(self, key: impl AsKey, delta: u64) -> Result<()> {
        self.count("decr", &key, Counting::Down, delta).await
    }

    async fn store(
        self,
        command: &'static str,
        mode: StoreMode,
        key: &impl AsKey,
        value: &Value,
        ttl: Ttl,
    ) -> Result<()> {
        let value = self.0.compress(mode, value);
        let request = self.0.store_request(mode, key, &value, ttl, None);
        let request = request.map_err(|error| error.during(command))?;
        let call = self.call(command, &request.key.key);
        self.0.send(call, request, request.key.len() + value.len()).await
    }

    async fn count(
        self,
        command: &'static str,
        key: &impl AsKey,
        counting: Counting,
        delta: u64,
    ) -> Result<()> {
        let request = self.0.count_request(key, counting, delta, None);
        let request = request.map_err(|error| error.during(command))?;
        let call = self.call(command, &request.key.key);
        self.0.send(call, request, request.key.len()).await
    }

    fn call(&self, command: &'static str, key: &[u8]) -> Call<'_> {
        Call { command, node: self.0.0.cluster.node(key), repeatable: false }
    }
}
