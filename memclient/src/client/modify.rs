//! Changing what is there.

use std::time::Duration;

use bytes::Bytes;

use super::{
    Client,
    call::{Call, answer, unexpected},
    give_back::give_back,
};
use crate::{
    error::Result,
    proto::{
        Answer, Status, Win,
        command::{Delete, Gets, Touch},
    },
    wire::{AsKey, CasToken, Deleted, Key, Touched, Ttl},
};

impl Client {
    /// Removes the item.
    ///
    /// # Errors
    /// When the key is none, or the item may still be there.
    ///
    /// # Cancel safety
    /// Dropping the future costs nobody anything; the item may or may not be gone.
    pub async fn delete(&self, key: impl AsKey) -> Result<Deleted> {
        if self.0.default_noreply {
            return self.unconfirmed().delete(key).await.map(|()| Deleted::Unconfirmed);
        }
        self.remove(&key, None, None).await
    }

    /// Removes many items; returns one outcome per key, in the order of the keys: what
    /// [`Client::delete`] would have returned.
    ///
    /// All keys of a node travel together. What one key comes to leaves the others alone.
    ///
    /// # Cancel safety
    /// Dropping the future costs nobody anything; each item may or may not be gone.
    #[doc(alias = "delete_multi")]
    pub async fn delete_many<K: AsKey>(&self, keys: &[K]) -> Vec<Result<Deleted>> {
        let requests = self.requests(keys, (), |client, key, ()| {
            Ok(Delete { key: client.key(key)?, cas: None, stale: None })
        });
        if self.0.default_noreply {
            return self.send_batch("delete", requests, Deleted::Unconfirmed).await;
        }
        self.batch("delete", false, requests, |reply| deleted(&answer(reply)?)).await
    }

    /// Removes the item where it still has the version that [`Client::gets`] read.
    ///
    /// # Errors
    /// As [`Client::delete`]; and in the classic dialect, which has no word for it
    /// ([`Error::is_unsupported`](crate::Error::is_unsupported)).
    ///
    /// # Cancel safety
    /// Dropping the future costs nobody anything; the item may or may not be gone.
    pub async fn delete_if(&self, key: impl AsKey, cas: CasToken) -> Result<Deleted> {
        self.remove(&key, Some(cas), None).await
    }

    /// Gives the item another time to live, from now on.
    ///
    /// # Errors
    /// When the key or the time to live is refused before anything is sent, or the item may have
    /// its old time to live.
    ///
    /// # Cancel safety
    /// Dropping the future costs nobody anything; the item may have either time to live.
    pub async fn touch(&self, key: impl AsKey, ttl: impl Into<Ttl>) -> Result<Touched> {
        if self.0.default_noreply {
            return self.unconfirmed().touch(key, ttl).await.map(|()| Touched::Unconfirmed);
        }
        self.relive(&key, ttl.into()).await
    }

    /// Gives many items another time to live; returns one outcome per key, in the order of the keys:
    /// what [`Client::touch`] would have returned.
    ///
    /// # Cancel safety
    /// Dropping the future costs nobody anything; each item may have either time to live.
    pub async fn touch_many<K: AsKey>(
        &self,
        keys: &[K],
        ttl: impl Into<Ttl>,
    ) -> Vec<Result<Touched>> {
        let ttl = ttl.into();
        let requests = self.requests(keys, ttl, Self::touch_request);
        if self.0.default_noreply {
            return self.send_batch("touch", requests, Touched::Unconfirmed).await;
        }
        let answers = self.batch("touch", true, requests, answer).await;
        let mut outcomes = Vec::with_capacity(answers.len());
        for (key, answer) in keys.iter().zip(answers) {
            if let (Ok(answer), Ok(key)) = (&answer, self.key(key))
                && answer.is_won()
            {
                let node = self.0.cluster.node(&key.key);
                Box::pin(give_back(node, key, answer, self.deadline())).await;
            }
            outcomes.push(answer.and_then(|answer| touched(&answer)));
        }
        outcomes
    }

    /// Removes an item, or marks it as `stale` for so long, and waits for the answer whatever the
    /// client's default.
    pub(crate) async fn remove(
        &self,
        key: &(impl AsKey + ?Sized),
        cas: Option<CasToken>,
        stale: Option<Duration>,
    ) -> Result<Deleted> {
        let request = self.delete_request(key, cas, stale);
        let request = request.map_err(|error| error.during("delete"))?;
        let key = request.key;
        let call =
            Call { command: "delete", node: self.0.cluster.node(&key.key), repeatable: false };
        let answer = self.ask(call, &request, key.len()).await?;
        deleted(&answer).map_err(|error| call.blame(error))
    }

    /// Gives an item another life, and waits for the answer whatever the client's default.
    pub(crate) async fn relive(&self, key: &(impl AsKey + ?Sized), ttl: Ttl) -> Result<Touched> {
        touched(&self.touched(key, ttl).await?)
    }

    /// Gives an item another life, if it is one: a stub, which stands for a missing item while
    /// somebody loads it, would hold all others up for that long. It goes, and its holder fills
    /// nothing.
    pub(crate) async fn relive_item(&self, key: &Key, ttl: Ttl) -> Result<Touched> {
        let answer = self.touched(key, ttl).await?;
        if answer.win != Some(Win::Held) {
            return touched(&answer);
        }
        let wire = self.key(key)?;
        let call = self.read_call(wire);
        let seen = self.ask(call, &Gets { key: wire }, call.bytes(&wire)).await?;
        let empty = seen.flags == 0 && seen.data.as_ref().is_some_and(Bytes::is_empty);
        match seen.cas.filter(|_| empty) {
            Some(stub) => self.remove(key, Some(stub), None).await.map(|_| Touched::NotFound),
            None => touched(&answer),
        }
    }

    async fn touched(&self, key: &(impl AsKey + ?Sized), ttl: Ttl) -> Result<Answer> {
        let request = self.touch_request(key, ttl).map_err(|error| error.during("touch"))?;
        let node = self.0.cluster.node(&request.key.key);
        let call = Call { command: "touch", node, repeatable: true };
        let answer = self.ask(call, &request, request.key.len()).await?;
        if answer.is_won() {
            Box::pin(give_back(node, request.key, &answer, self.deadline())).await;
        }
        touched(&answer).map_err(|error| call.blame(error))?;
        Ok(answer)
    }

    fn delete_request<'a>(
        &'a self,
        key: &'a (impl AsKey + ?Sized),
        cas: Option<CasToken>,
        stale: Option<Duration>,
    ) -> Result<Delete<'a>> {
        let stale = stale.map(|grace| self.ttl(Ttl::After(grace))).transpose()?;
        Ok(Delete { key: self.key(key)?, cas, stale })
    }

    pub(super) fn touch_request<'a>(
        &'a self,
        key: &'a (impl AsKey + ?Sized),
        ttl: Ttl,
    ) -> Result<Touch<'a>> {
        Ok(Touch { key: self.key(key)?, ttl: self.ttl(ttl)? })
    }
}

fn deleted(answer: &Answer) -> Result<Deleted> {
    match answer.status {
        Status::Done => Ok(Deleted::Deleted),
        Status::NotFound => Ok(Deleted::NotFound),
        Status::Exists => Ok(Deleted::Exists),
        _ => Err(unexpected(answer)),
    }
}

fn touched(answer: &Answer) -> Result<Touched> {
    match answer.status {
        Status::Done => Ok(Touched::Touched),
        Status::Miss => Ok(Touched::NotFound),
        _ => Err(unexpected(answer)),
    }
}
