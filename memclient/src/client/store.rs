//! Writing.

use super::{
    Client,
    call::{Call, answer, unexpected},
};
use crate::{
    error::Result,
    proto::{
        Answer, Status,
        command::{Store, StoreMode},
    },
    wire::{AsKey, CasOutcome, CasToken, IntoValue, Stored, Ttl, Value},
};

impl Client {
    /// Stores the value whatever is there.
    ///
    /// The 32 bits of flags that stand beside the bytes say what they are, so that every reader knows;
    /// each type has its own. To have others, for another client that reads the item, give a
    /// [`Value`] that carries them: [`Value::new`] for bytes and flags as they are,
    /// [`Value::with_flags`] for an encoded value.
    /// ```no_run
    /// # use memclient::{Client, Ttl, Value};
    /// # async fn example(client: Client) -> Result<(), Box<dyn std::error::Error>> {
    /// let _ = client.set("raw", Value::new("bytes", 0x20), Ttl::Never).await?;
    /// let _ = client.set("text", Value::of("text")?.with_flags(0x20), Ttl::Never).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// When the key, the value or the time to live is refused before anything is sent; when the
    /// server refuses, for example because the value is too large
    /// ([`Error::is_too_large`](crate::Error::is_too_large); the item that was there before is gone
    /// then); when it is not known whether the value was stored.
    ///
    /// # Cancel safety
    /// Dropping the future costs nobody anything; the value may or may not be stored.
    pub async fn set(
        &self,
        key: impl AsKey,
        value: impl IntoValue,
        ttl: impl Into<Ttl>,
    ) -> Result<Stored> {
        self.store("set", StoreMode::Set, &key, &value.into_value()?, ttl.into()).await
    }

    /// Stores the value where there is no item.
    ///
    /// # Errors
    /// As [`Client::set`].
    ///
    /// # Cancel safety
    /// Dropping the future costs nobody anything; the value may or may not be stored.
    pub async fn add(
        &self,
        key: impl AsKey,
        value: impl IntoValue,
        ttl: impl Into<Ttl>,
    ) -> Result<Stored> {
        self.store("add", StoreMode::Add, &key, &value.into_value()?, ttl.into()).await
    }

    /// Stores the value where there is an item.
    ///
    /// # Errors
    /// As [`Client::set`].
    ///
    /// # Cancel safety
    /// Dropping the future costs nobody anything; the value may or may not be stored.
    pub async fn replace(
        &self,
        key: impl AsKey,
        value: impl IntoValue,
        ttl: impl Into<Ttl>,
    ) -> Result<Stored> {
        self.store("replace", StoreMode::Replace, &key, &value.into_value()?, ttl.into()).await
    }

    /// Adds the bytes behind those of an item; its flags and time to live stay.
    ///
    /// # Errors
    /// As [`Client::set`]; an item that would grow too large keeps its old bytes.
    ///
    /// # Cancel safety
    /// Dropping the future costs nobody anything; the bytes may or may not be added.
    pub async fn append(&self, key: impl AsKey, value: impl IntoValue) -> Result<Stored> {
        self.store("append", StoreMode::Append, &key, &value.into_value()?, Ttl::Never).await
    }

    /// Adds the bytes before those of an item; its flags and time to live stay.
    ///
    /// # Errors
    /// As [`Client::append`].
    ///
    /// # Cancel safety
    /// Dropping the future costs nobody anything; the bytes may or may not be added.
    pub async fn prepend(&self, key: impl AsKey, value: impl IntoValue) -> Result<Stored> {
        self.store("prepend", StoreMode::Prepend, &key, &value.into_value()?, Ttl::Never).await
    }

    /// Stores the value where the item still has the version that [`Client::gets`] read.
    ///
    /// # Errors
    /// As [`Client::set`].
    ///
    /// # Cancel safety
    /// Dropping the future costs nobody anything; the value may or may not be stored.
    pub async fn cas(
        &self,
        key: impl AsKey,
        value: impl IntoValue,
        ttl: impl Into<Ttl>,
        cas: CasToken,
    ) -> Result<CasOutcome> {
        let value = value.into_value()?;
        let cas = Some(cas).filter(|_| !cfg!(memclient_planted = "cas"));
        let answer = self.write("cas", StoreMode::Set, &key, &value, ttl.into(), cas).await?;
        match answer.status {
            Status::Done => Ok(CasOutcome::Stored),
            Status::Exists => Ok(CasOutcome::Exists),
            Status::NotFound => Ok(CasOutcome::NotFound),
            _ => Err(unexpected(&answer).during("cas")),
        }
    }

    /// Stores many values alike; returns one outcome per entry, in their order: what
    /// [`Client::set`] would have returned.
    ///
    /// All entries of a node travel together. What one entry comes to leaves the others alone.
    ///
    /// # Cancel safety
    /// Dropping the future costs nobody anything; each value may or may not be stored.
    #[doc(alias = "set_multi")]
    pub async fn set_many<K: AsKey, V: IntoValue>(
        &self,
        entries: impl IntoIterator<Item = (K, V)>,
        ttl: impl Into<Ttl>,
    ) -> Vec<Result<Stored>> {
        let plain = Condition { mode: StoreMode::Set, ttl: ttl.into(), cas: None };
        let write = |(key, value): (K, V)| (key, value.into_value().map_err(Into::into), plain);
        let writes = entries.into_iter().map(write);
        if self.0.default_noreply {
            let writes = self.compressed(writes);
            let requests =
                self.requests(&writes, (), |client, write, ()| client.write_request(write));
            return self.send_batch("set", requests, Stored::Unconfirmed).await;
        }
        self.write_many("set", writes, |answer| stored(&answer)).await
    }

    async fn store(
        &self,
        command: &'static str,
        mode: StoreMode,
        key: &impl AsKey,
        value: &Value,
        ttl: Ttl,
    ) -> Result<Stored> {
        if self.0.default_noreply {
            let value = self.compress(mode, value);
            let request = self.store_request(mode, key, &value, ttl, None);
            let request = request.map_err(|error| error.during(command))?;
            let node = self.0.cluster.node(&request.key.key);
            let call = Call { command, node, repeatable: false };
            self.send(call, request, request.key.len() + value.len()).await?;
            return Ok(Stored::Unconfirmed);
        }
        let answer = self.write(command, mode, key, value, ttl, None).await?;
        stored(&answer).map_err(|error| error.during(command))
    }

    /// Sends one write in any mode, and waits for the answer whatever the client's default.
    pub(crate) async fn write(
        &self,
        command: &'static str,
        mode: StoreMode,
        key: &(impl AsKey + ?Sized),
        value: &Value,
        ttl: Ttl,
        cas: Option<CasToken>,
    ) -> Result<Answer> {
        let value = self.compress(mode, value);
        let request = self.store_request(mode, key, &value, ttl, cas);
        let request = request.map_err(|error| error.during(command))?;
        let node = self.0.cluster.node(&request.key.key);
        let call = Call { command, node, repeatable: false };
        call.node.note_size(&request.key.key, value.len());
        self.ask(call, &request, request.key.len() + value.len()).await
    }

    /// Sends many writes, and waits for the answers whatever the client's default.
    pub(crate) async fn write_many<K: AsKey, T>(
        &self,
        command: &'static str,
        writes: impl IntoIterator<Item = (K, Result<Value>, Condition)>,
        read: impl Fn(Answer) -> Result<T>,
    ) -> Vec<Result<T>> {
        let writes = self.compressed(writes);
        let requests = self.requests(&writes, (), |client, write, ()| client.write_request(write));
        self.batch(command, false, requests, |reply| read(answer(reply)?)).await
    }

    /// Returns the writes with their values as this client stores them.
    fn compressed<K>(
        &self,
        writes: impl IntoIterator<Item = (K, Result<Value>, Condition)>,
    ) -> Vec<(K, Result<Value>, Condition)> {
        let compressed = |(key, value, how): (K, Result<Value>, Condition)| {
            (key, value.map(|value| self.compress(how.mode, &value).into_owned()), how)
        };
        writes.into_iter().map(compressed).collect()
    }

    fn write_request<'a>(
        &'a self,
        (key, value, how): &'a (impl AsKey, Result<Value>, Condition),
    ) -> Result<Store<'a>> {
        let value = value.as_ref().map_err(Clone::clone)?;
        self.store_request(how.mode, key, value, how.ttl, how.cas)
    }

    pub(super) fn store_request<'a>(
        &'a self,
        mode: StoreMode,
        key: &'a (impl AsKey + ?Sized),
        value: &'a Value,
        ttl: Ttl,
        cas: Option<CasToken>,
    ) -> Result<Store<'a>> {
        let key = self.key(key)?;
        self.check_size(value)?;
        let (data, flags, ttl) = (&value.data()[..], value.flags(), self.ttl(ttl)?);
        Ok(Store { key, data, flags, ttl, mode, cas })
    }
}

/// On what condition one of many writes is stored, and for how long.
#[derive(Clone, Copy)]
pub(crate) struct Condition {
    pub(crate) mode: StoreMode,
    pub(crate) ttl: Ttl,
    pub(crate) cas: Option<CasToken>,
}

fn stored(answer: &Answer) -> Result<Stored> {
    match answer.status {
        Status::Done => Ok(Stored::Stored),
        Status::NotStored | Status::NotFound => Ok(Stored::NotStored),
        _ => Err(unexpected(answer)),
    }
}
