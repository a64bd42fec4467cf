//! Counting.

use super::{
    Client,
    call::{Call, unexpected},
};
use crate::{
    error::{Error, Result},
    proto::{
        Status,
        command::{Count, Counting},
    },
    wire::{AsKey, Ttl},
};

impl Client {
    /// Adds to a counter, an item of decimal digits, and returns its new value; `None` where there
    /// is none.
    ///
    /// Beyond `u64::MAX` the counter wraps around.
    ///
    /// # Errors
    /// When the item is no number ([`Error::server_message`] says so), or the counter may or may
    /// not have changed.
    ///
    /// # Cancel safety
    /// Dropping the future costs nobody anything; the counter may or may not have changed.
    pub async fn incr(&self, key: impl AsKey, delta: u64) -> Result<Option<u64>> {
        self.count("incr", &key, Counting::Up, delta, None).await
    }

    /// Subtracts from a counter and returns its new value; `None` where there is none. The counter
    /// stops at zero.
    ///
    /// A counter that loses a digit keeps a space in its place: memcached pads it.
    ///
    /// # Errors
    /// As [`Client::incr`].
    ///
    /// # Cancel safety
    /// Dropping the future costs nobody anything; the counter may or may not have changed.
    pub async fn decr(&self, key: impl AsKey, delta: u64) -> Result<Option<u64>> {
        self.count("decr", &key, Counting::Down, delta, None).await
    }

    /// Adds to a counter and returns its new value; where there is none, makes one that begins at
    /// `initial`, to which nothing is added, and lives for `ttl`.
    ///
    /// # Errors
    /// As [`Client::incr`]; and in the classic dialect, which has no word for it
    /// ([`Error::is_unsupported`]).
    ///
    /// # Cancel safety
    /// Dropping the future costs nobody anything; the counter may or may not have changed.
    pub async fn incr_or_init(
        &self,
        key: impl AsKey,
        delta: u64,
        initial: u64,
        ttl: impl Into<Ttl>,
    ) -> Result<u64> {
        let counted =
            self.count("incr", &key, Counting::Up, delta, Some((initial, ttl.into()))).await?;
        counted.ok_or_else(|| {
            Error::protocol("a counter with a start was answered as missing").during("incr")
        })
    }

    pub(crate) async fn count(
        &self,
        command: &'static str,
        key: &(impl AsKey + ?Sized),
        counting: Counting,
        delta: u64,
        initial: Option<(u64, Ttl)>,
    ) -> Result<Option<u64>> {
        let request = self.count_request(key, counting, delta, initial);
        let request = request.map_err(|error| error.during(command))?;
        let node = self.0.cluster.node(&request.key.key);
        let call = Call { command, node, repeatable: false };
        let answer = self.ask(call, &request, request.key.len()).await?;
        let number = |data: &[u8]| std::str::from_utf8(data).ok()?.trim_end().parse().ok();
        match (answer.status, answer.data.as_deref().and_then(number)) {
            (Status::Value, Some(number)) => Ok(Some(number)),
            (Status::NotFound, _) => Ok(None),
            _ => Err(call.blame(unexpected(&answer))),
        }
    }

    pub(super) fn count_request<'a>(
        &'a self,
        key: &'a (impl AsKey + ?Sized),
        counting: Counting,
        delta: u64,
        initial: Option<(u64, Ttl)>,
    ) -> Result<Count<'a>> {
        let key = self.key(key)?;
        let start = |(start, ttl)| Ok::<_, Error>((start, self.ttl(ttl)?));
        Ok(Count { key, counting, delta, initial: initial.map(start).transpose()? })
    }
}
