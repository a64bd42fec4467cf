//! Writing.

use super::{
    Client,
    call::{Call, meta_reply, unexpected},
};
use crate::{
    error::Result,
    proto::{
        MetaReply, meta,
        meta::{SetMode, Status},
    },
    wire::{AsKey, CasOutcome, CasToken, IntoValue, Stored, Ttl, Value},
};

impl Client {
    /// Stores the value whatever is there.
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
        self.store("set", SetMode::Set, &key, &value.into_value()?, ttl.into()).await
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
        self.store("add", SetMode::Add, &key, &value.into_value()?, ttl.into()).await
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
        self.store("replace", SetMode::Replace, &key, &value.into_value()?, ttl.into()).await
    }

    /// Adds the bytes behind those of an item; its flags and time to live stay.
    ///
    /// # Errors
    /// As [`Client::set`]; an item that would grow too large keeps its old bytes.
    ///
    /// # Cancel safety
    /// Dropping the future costs nobody anything; the bytes may or may not be added.
    pub async fn append(&self, key: impl AsKey, value: impl IntoValue) -> Result<Stored> {
        self.store("append", SetMode::Append, &key, &value.into_value()?, Ttl::Never).await
    }

    /// Adds the bytes before those of an item; its flags and time to live stay.
    ///
    /// # Errors
    /// As [`Client::append`].
    ///
    /// # Cancel safety
    /// Dropping the future costs nobody anything; the bytes may or may not be added.
    pub async fn prepend(&self, key: impl AsKey, value: impl IntoValue) -> Result<Stored> {
        self.store("prepend", SetMode::Prepend, &key, &value.into_value()?, Ttl::Never).await
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
        let reply = self.write("cas", SetMode::Set, &key, &value, ttl.into(), Some(cas)).await?;
        match reply.status {
            Status::Done => Ok(CasOutcome::Stored),
            Status::Exists => Ok(CasOutcome::Exists),
            Status::NotFound => Ok(CasOutcome::NotFound),
            _ => Err(unexpected(&reply).during("cas")),
        }
    }

    /// Stores many values alike; returns one outcome per entry, in their order: what
    /// [`Client::set`] would have returned.
    ///
    /// All entries of a node travel together. What one entry comes to leaves the others alone.
    ///
    /// # Cancel safety
    /// Dropping the future costs nobody anything; each value may or may not be stored.
    pub async fn set_many<K: AsKey, V: IntoValue>(
        &self,
        entries: impl IntoIterator<Item = (K, V)>,
        ttl: impl Into<Ttl>,
    ) -> Vec<Result<Stored>> {
        let ttl = self.ttl(ttl);
        let entries: Vec<(K, Result<Value>)> = entries
            .into_iter()
            .map(|(key, value)| (key, value.into_value().map_err(Into::into)))
            .collect();
        let requests = entries.iter().map(|(key, value)| {
            let (key, value) = (self.key(key)?, value.as_ref().map_err(Clone::clone)?);
            self.check_size(value)?;
            let request = request(key, value, ttl.clone()?, SetMode::Set, None);
            Ok(request)
        });
        self.batch("set", false, requests, |reply| stored(&meta_reply(reply)?)).await
    }

    async fn store(
        &self,
        command: &'static str,
        mode: SetMode,
        key: &impl AsKey,
        value: &Value,
        ttl: Ttl,
    ) -> Result<Stored> {
        let reply = self.write(command, mode, key, value, ttl, None).await?;
        stored(&reply).map_err(|error| error.during(command))
    }

    /// Sends one write in any mode.
    pub(crate) async fn write(
        &self,
        command: &'static str,
        mode: SetMode,
        key: &impl AsKey,
        value: &Value,
        ttl: Ttl,
        cas: Option<CasToken>,
    ) -> Result<MetaReply> {
        let key = self.key(key).map_err(|error| error.during(command))?;
        self.check_size(value).map_err(|error| error.during(command))?;
        let ttl = self.ttl(ttl).map_err(|error| error.during(command))?;
        let call = Call { command, node: self.0.cluster.node(&key.key), repeatable: false };
        call.node.note_size(&key.key, value.len());
        self.meta(call, request(key, value, ttl, mode, cas), key.len() + value.len()).await
    }
}

fn request<'a>(
    key: meta::WireKey<'a>,
    value: &'a Value,
    ttl: i32,
    mode: SetMode,
    cas: Option<CasToken>,
) -> meta::Set<'a> {
    meta::Set { key, data: value.data(), flags: value.flags(), ttl, mode, cas }
}

fn stored(reply: &MetaReply) -> Result<Stored> {
    match reply.status {
        Status::Done => Ok(Stored::Stored),
        Status::NotStored | Status::NotFound => Ok(Stored::NotStored),
        _ => Err(unexpected(reply)),
    }
}
