//! Reading, and giving another time to live in the same step.

use std::time::Duration;

use super::{
    Client, Item,
    call::{Call, answer, one},
    item::{Seen, Told},
};
use crate::{
    conn::Ask,
    error::Result,
    proto::command::Gat,
    wire::{AsKey, Ttl, TtlLeft, Value},
};

impl Client {
    /// Returns the value and gives its item another time to live, from now on; `None` where there is
    /// no such item.
    ///
    /// # Errors
    /// When the key or the time to live is refused before anything is sent, when the server is older
    /// than 1.5.3 ([`Error::is_unsupported`](crate::Error::is_unsupported)), or when it cannot be
    /// asked: the item may have either time to live then. A client whose
    /// [reads fail open](crate::ClientBuilder::fail_open_reads) returns `None` in the last case.
    ///
    /// # Cancel safety
    /// Dropping the future costs nobody anything; the item may have either time to live.
    pub async fn gat(&self, key: impl AsKey, ttl: impl Into<Ttl>) -> Result<Option<Value>> {
        let request = self.gat_request(&key, ttl.into(), false);
        let request = request.map_err(|error| error.during("gat"))?;
        let node = self.0.cluster.node(&request.key.key);
        let call = Call { command: "gat", node, repeatable: true };
        let ask = Ask::Run(std::slice::from_ref(&request));
        let replies = call.run(ask, call.bytes(&request.key), self.deadline()).await;
        let seen = replies.and_then(one).and_then(|reply| {
            call.note(&request.key, &reply);
            Seen::read(reply)
        });
        let value = match seen {
            Ok(Seen::Value(value)) => Ok(value),
            Ok(seen) => Box::pin(self.resolve(call, request.key, seen)).await,
            Err(error) => Err(error),
        };
        self.open(value.map_err(|error| call.blame(error)))
    }

    /// Does what [`Client::gat`] does, and returns the version too; the remaining life is the new
    /// one.
    ///
    /// # Errors
    /// As [`Client::gat`].
    ///
    /// # Cancel safety
    /// As [`Client::gat`].
    pub async fn gats(&self, key: impl AsKey, ttl: impl Into<Ttl>) -> Result<Option<Item>> {
        let ttl = ttl.into();
        let request = self.gat_request(&key, ttl, true);
        let request = request.map_err(|error| error.during("gats"))?;
        let node = self.0.cluster.node(&request.key.key);
        let call = Call { command: "gats", node, repeatable: true };
        let answer = self.ask(call, &request, call.bytes(&request.key)).await;
        let left = Some(self.left(ttl));
        let item = match answer.and_then(|answer| Told::read(answer, left)) {
            Ok(Told::Item(item)) => Ok(item),
            Ok(Told::Won(answer)) => Box::pin(self.unwin(call, request.key, *answer, left)).await,
            Err(error) => Err(error),
        };
        self.open(item.map_err(|error| call.blame(error)))
    }

    /// Returns one answer per key, in the order of the keys: what [`Client::gat`] would have
    /// returned.
    ///
    /// All keys of a node travel together. A key that is none, or a node that is down, fails its
    /// own answers only.
    ///
    /// # Cancel safety
    /// Dropping the future costs nobody anything; each item may have either time to live.
    pub async fn gat_many<K: AsKey>(
        &self,
        keys: &[K],
        ttl: impl Into<Ttl>,
    ) -> Vec<Result<Option<Value>>> {
        let ttl = ttl.into();
        let requests =
            self.requests(keys, ttl, |client, key, ttl| client.gat_request(key, ttl, false));
        let seen = self.batch("gat", true, requests, Seen::read).await;
        self.open_all(self.resolve_all(keys, seen).await)
    }

    /// Returns one answer per key, in the order of the keys: what [`Client::gats`] would have
    /// returned.
    ///
    /// # Cancel safety
    /// As [`Client::gat_many`].
    pub async fn gats_many<K: AsKey>(
        &self,
        keys: &[K],
        ttl: impl Into<Ttl>,
    ) -> Vec<Result<Option<Item>>> {
        let ttl = ttl.into();
        let left = Some(self.left(ttl));
        let requests =
            self.requests(keys, ttl, |client, key, ttl| client.gat_request(key, ttl, true));
        let read = |reply| Told::read(answer(reply)?, left);
        let told = self.batch("gats", true, requests, read).await;
        self.open_all(self.unwin_all(keys, told, left).await)
    }

    fn gat_request<'a>(
        &'a self,
        key: &'a (impl AsKey + ?Sized),
        ttl: Ttl,
        cas: bool,
    ) -> Result<Gat<'a>> {
        Ok(Gat { key: self.key(key)?, ttl: self.ttl(ttl)?, cas })
    }

    /// Returns what is left of a life that begins now, in the whole seconds that the server counts.
    fn left(&self, ttl: Ttl) -> TtlLeft {
        ttl.left(self.0.clock.wall()).map_or(TtlLeft::Never, |left| {
            let seconds = left.as_secs().saturating_add(u64::from(left.subsec_nanos() > 0));
            TtlLeft::Left(Duration::from_secs(seconds))
        })
    }
}
