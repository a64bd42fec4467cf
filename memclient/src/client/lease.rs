//! Reading where others load and refresh: with the right to do so, or without taking it.
//!
//! In the meta dialect the server tells one reader of a missing, a stale or an aging item that it has
//! won, and the others that somebody has. Whoever did not ask for it gives it back before its read is
//! over, so that reads leave no trace.

use std::time::Duration;

use super::{
    Client, Item,
    call::{Call, answer, unexpected},
    give_back::give_back,
    item::{self, Seen, Told},
};
use crate::{
    conn::Ask,
    error::Result,
    proto::{
        Answer, Status, Win, WireKey,
        command::{Get, Gets, Lease, Release},
    },
    wire::{AsKey, CasToken, Key, Ttl, TtlLeft, Value},
};

/// What a read with a lease found.
#[derive(Debug)]
pub(crate) enum Sight {
    /// An item, and who is to refresh it, if somebody is.
    Item(Item, Option<Win>),
    /// Nothing but the stub of this version, and who is to load the item.
    Stub(CasToken, Win),
    /// A stub that this caller has won, after it was marked as stale.
    MarkedStub(CasToken),
    /// Nothing.
    Nothing,
}

impl Sight {
    fn read(answer: Answer) -> Result<Self> {
        let win = answer.win;
        match (win, answer.cas) {
            (Some(Win::Won), Some(cas)) if answer.is_stub() && answer.stale => {
                Ok(Self::MarkedStub(cas))
            }
            (Some(win), Some(cas)) if answer.is_stub() => Ok(Self::Stub(cas, win)),
            _ => Ok(Item::read(answer, None)?.map_or(Self::Nothing, |item| Self::Item(item, win))),
        }
    }
}

impl Client {
    /// Reads an item and asks for the right to load or refresh it; `recache` says from how short a
    /// rest of its life on it is to be refreshed.
    pub(crate) async fn read_leased(
        &self,
        key: &Key,
        vivify: Duration,
        recache: Option<Duration>,
        usage: bool,
    ) -> Result<Sight> {
        let request = self.lease_request(key, vivify, recache, usage);
        let request = request.map_err(|error| error.during("get"))?;
        let call = self.read_call(request.key);
        let answer = self.ask(call, &request, call.bytes(&request.key)).await?;
        let sight = Sight::read(answer).map_err(|error| call.blame(error))?;
        self.shorten(key, &sight, vivify).await?;
        Ok(sight)
    }

    /// Reads items like [`Client::read_leased`].
    pub(crate) async fn read_leased_many(
        &self,
        keys: &[Key],
        vivify: Duration,
        recache: Option<Duration>,
        usage: bool,
    ) -> Vec<Result<Sight>> {
        let requests = self.requests(
            keys,
            (vivify, recache, usage),
            |client, key, (vivify, recache, usage)| {
                client.lease_request(key, vivify, recache, usage)
            },
        );
        let sights = self.batch("get", true, requests, |reply| Sight::read(answer(reply)?));
        let mut sights: Vec<Result<Sight>> = sights.await;
        for (key, sight) in keys.iter().zip(&mut sights) {
            if let Ok(seen) = sight
                && let Err(error) = self.shorten(key, seen, vivify).await
            {
                *sight = Err(error);
            }
        }
        sights
    }

    /// Gives a stub that was marked as stale the life of a lease again: the mark has given it that of
    /// a grace, and for so long nobody would replace a holder that dies.
    async fn shorten(&self, key: &Key, sight: &Sight, vivify: Duration) -> Result<()> {
        if matches!(sight, Sight::MarkedStub(_)) {
            self.relive(key, Ttl::After(vivify.max(Duration::from_secs(1)))).await?;
        }
        Ok(())
    }

    /// Reads an item with its version, and with its `usage` if asked for; its failure stays one.
    pub(crate) async fn read(
        &self,
        key: &(impl AsKey + ?Sized),
        usage: bool,
    ) -> Result<Option<Item>> {
        let key = self.key(key).map_err(|error| error.during("get"))?;
        let call = self.read_call(key);
        let answer = self.ask(call, &Get { key, details: true, usage }, call.bytes(&key)).await?;
        match Told::read(answer, None) {
            Ok(Told::Item(item)) => Ok(item),
            Ok(Told::Won(answer)) => Box::pin(self.unwin(call, key, *answer, None)).await,
            Err(error) => Err(call.blame(error)),
        }
    }

    /// Reads items like [`Client::read`].
    pub(crate) async fn read_many<K: AsKey>(
        &self,
        keys: &[K],
        usage: bool,
    ) -> Vec<Result<Option<Item>>> {
        let requests = self.requests(keys, usage, |client, key, usage| {
            Ok(Get { key: client.key(key)?, details: true, usage })
        });
        let told = self.batch("get", true, requests, |reply| Told::read(answer(reply)?, None));
        self.unwin_all(keys, told.await, None).await
    }

    /// Gives back what each of some answers gave, and returns their items.
    pub(super) async fn unwin_all<K: AsKey>(
        &self,
        keys: &[K],
        told: Vec<Result<Told>>,
        ttl_left: Option<TtlLeft>,
    ) -> Vec<Result<Option<Item>>> {
        let mut won = Vec::new();
        let items = told.into_iter().enumerate().map(|(place, told)| match told? {
            Told::Item(item) => Ok(item),
            Told::Won(answer) => {
                won.push((place, answer));
                Ok(None)
            }
        });
        let mut items: Vec<_> = items.collect();
        for (place, answer) in won {
            if let (Some(item), Some(key)) = (items.get_mut(place), keys.get(place)) {
                *item = match self.key(key) {
                    Ok(key) => {
                        let call = self.read_call(key);
                        Box::pin(self.unwin(call, key, *answer, ttl_left)).await
                    }
                    Err(error) => Err(error),
                };
            }
        }
        items
    }

    /// Gives back what the answer to a read gave, and returns the item in the version that it has
    /// then; `ttl_left` where the caller knows it.
    pub(super) async fn unwin(
        &self,
        call: Call<'_>,
        key: WireKey<'_>,
        answer: Answer,
        ttl_left: Option<TtlLeft>,
    ) -> Result<Option<Item>> {
        give_back(call.node, key, &answer, self.deadline()).await;
        let Answer { ttl, stale, .. } = answer;
        if answer.is_stub() {
            return Ok(None);
        }
        match self.ask(call, &Gets { key }, call.bytes(&key)).await? {
            // Only the classic words give no rights, and they tell neither life nor mark.
            again @ Answer { status: Status::Value, cas: Some(_), .. } => {
                Item::read(Answer { ttl, stale, ..again }, ttl_left)
            }
            // It went in between.
            _ => Ok(None),
        }
        .map_err(|error| call.blame(error))
    }

    /// Returns the value of an item that was seen and not understood at once.
    pub(super) async fn resolve(
        &self,
        call: Call<'_>,
        key: WireKey<'_>,
        seen: Seen,
    ) -> Result<Option<Value>> {
        match seen {
            Seen::Value(value) => Ok(value),
            Seen::Won(answer) => {
                give_back(call.node, key, &answer, self.deadline()).await;
                item::value(*answer)
            }
            Seen::Empty if !self.speaks_meta() => Ok(Some(Value::new(Vec::new(), 0))),
            Seen::Empty => {
                let answer = self
                    .ask(call, &Get { key, details: true, usage: false }, call.bytes(&key))
                    .await?;
                give_back(call.node, key, &answer, self.deadline()).await;
                item::value(answer)
            }
        }
    }

    /// Does so for each of a batch.
    pub(super) async fn resolve_all<K: AsKey>(
        &self,
        keys: &[K],
        seen: Vec<Result<Seen>>,
    ) -> Vec<Result<Option<Value>>> {
        let mut doubtful = Vec::new();
        let values = seen.into_iter().enumerate().map(|(place, seen)| match seen? {
            Seen::Value(value) => Ok(value),
            seen => {
                doubtful.push((place, seen));
                Ok(None)
            }
        });
        let mut values: Vec<_> = values.collect();
        for (place, seen) in doubtful {
            if let (Some(value), Some(key)) = (values.get_mut(place), keys.get(place)) {
                *value = match self.key(key) {
                    Ok(key) => {
                        let call = self.read_call(key);
                        let resolved = Box::pin(self.resolve(call, key, seen)).await;
                        resolved.map_err(|error| call.blame(error))
                    }
                    Err(error) => Err(error),
                };
            }
        }
        values
    }

    /// Gives a lease back; false where it was lost before.
    pub(crate) async fn release_lease(&self, key: &Key, cas: CasToken, stub: bool) -> Result<bool> {
        let request = self.release_request(key, cas, stub);
        let request = request.map_err(|error| error.during("release"))?;
        let call = self.release_call(request.key);
        match self.ask(call, &request, request.key.len()).await?.status {
            Status::Done => Ok(true),
            Status::Exists | Status::NotFound => Ok(false),
            status => Err(call.blame(unexpected(&status))),
        }
    }

    /// Puts the release of a lease on its way, if there is an open connection with room for it; nobody
    /// hears what comes of it.
    pub(crate) fn send_release(&self, key: &Key, cas: CasToken, stub: bool) -> bool {
        let Ok(request) = self.release_request(key, cas, stub) else { return true };
        let call = self.release_call(request.key);
        let ask = Ask::Run(std::slice::from_ref(&request));
        let flight = call.start_now(ask, request.key.len(), self.deadline(), None);
        // A connection that had died unnoticed shows it at once.
        flight.is_ok_and(|flight| flight.is_some_and(|mut flight| flight.take_failure().is_none()))
    }

    pub(super) fn read_call(&self, key: WireKey<'_>) -> Call<'_> {
        Call { command: "get", node: self.0.cluster.node(&key.key), repeatable: true }
    }

    fn release_call(&self, key: WireKey<'_>) -> Call<'_> {
        Call { command: "release", node: self.0.cluster.node(&key.key), repeatable: false }
    }

    fn lease_request<'a>(
        &'a self,
        key: &'a Key,
        vivify: Duration,
        recache: Option<Duration>,
        usage: bool,
    ) -> Result<Lease<'a>> {
        // Less than a second would be none: a stub that never ends, or never was.
        let vivify = self.ttl(Ttl::After(vivify.max(Duration::from_secs(1))))?;
        let recache = recache.filter(|recache| !recache.is_zero());
        let recache = recache.map(|recache| self.ttl(Ttl::After(recache))).transpose()?;
        Ok(Lease { key: self.key(key)?, vivify, recache, usage })
    }

    fn release_request<'a>(
        &'a self,
        key: &'a Key,
        cas: CasToken,
        stub: bool,
    ) -> Result<Release<'a>> {
        Ok(Release { key: self.key(key)?, cas, stub })
    }
}
