//! The client of a set-up, asynchronous or blocking: one suite for both.

use std::time::Duration;

use bytes::Bytes;
use memclient::{
    AsKey, CasOutcome, CasToken, Client, Deleted, IntoValue, Item, KeyInfo, ReplyEnd, Result,
    Settled, Stats, Stored, Touched, Ttl, Unconfirmed, Value, blocking,
};

/// A client under test; what it is asked goes to the client that it is.
#[derive(Clone, Debug)]
pub(super) enum Caller {
    Async(Client),
    Blocking(blocking::Client),
}

/// The writes of a client under test that do not wait for their answers.
#[derive(Clone, Copy, Debug)]
pub(super) enum Writes<'a> {
    Async(Unconfirmed<'a>),
    Blocking(blocking::Unconfirmed<'a>),
}

impl Caller {
    pub(super) fn servers(&self) -> Box<dyn Iterator<Item = &str> + '_> {
        match self {
            Self::Async(client) => Box::new(client.servers()),
            Self::Blocking(client) => Box::new(client.servers()),
        }
    }

    pub(super) fn unconfirmed(&self) -> Writes<'_> {
        match self {
            Self::Async(client) => Writes::Async(client.unconfirmed()),
            Self::Blocking(client) => Writes::Blocking(client.unconfirmed()),
        }
    }

    pub(super) fn unconfirmed_failures(&self) -> u64 {
        match self {
            Self::Async(client) => client.unconfirmed_failures(),
            Self::Blocking(client) => client.unconfirmed_failures(),
        }
    }

    pub(super) fn close(&self) {
        match self {
            Self::Async(client) => client.close(),
            Self::Blocking(client) => client.close(),
        }
    }
}

macro_rules! operations {
    ($(
        $name:ident $(<$($parameter:ident: $bound:path),*>)?
        ($($argument:ident: $type:ty),*) -> $outcome:ty;
    )*) => {$(
        pub(super) async fn $name $(<$($parameter: $bound),*>)? (
            &self,
            $($argument: $type),*
        ) -> $outcome {
            match self {
                Self::Async(client) => client.$name($($argument),*).await,
                Self::Blocking(client) => client.$name($($argument),*),
            }
        }
    )*};
}

impl Caller {
    operations! {
        get(key: impl AsKey) -> Result<Option<Value>>;
        gets(key: impl AsKey) -> Result<Option<Item>>;
        get_many<K: AsKey>(keys: &[K]) -> Vec<Result<Option<Value>>>;
        gets_many<K: AsKey>(keys: &[K]) -> Vec<Result<Option<Item>>>;
        gat(key: impl AsKey, ttl: impl Into<Ttl>) -> Result<Option<Value>>;
        gats(key: impl AsKey, ttl: impl Into<Ttl>) -> Result<Option<Item>>;
        gat_many<K: AsKey>(keys: &[K], ttl: impl Into<Ttl>) -> Vec<Result<Option<Value>>>;
        gats_many<K: AsKey>(keys: &[K], ttl: impl Into<Ttl>) -> Vec<Result<Option<Item>>>;
        set(key: impl AsKey, value: impl IntoValue, ttl: impl Into<Ttl>) -> Result<Stored>;
        add(key: impl AsKey, value: impl IntoValue, ttl: impl Into<Ttl>) -> Result<Stored>;
        replace(key: impl AsKey, value: impl IntoValue, ttl: impl Into<Ttl>) -> Result<Stored>;
        append(key: impl AsKey, value: impl IntoValue) -> Result<Stored>;
        prepend(key: impl AsKey, value: impl IntoValue) -> Result<Stored>;
        cas(
            key: impl AsKey, value: impl IntoValue, ttl: impl Into<Ttl>, cas: CasToken
        ) -> Result<CasOutcome>;
        set_many<K: AsKey, V: IntoValue>(
            entries: impl IntoIterator<Item = (K, V)>, ttl: impl Into<Ttl>
        ) -> Vec<Result<Stored>>;
        delete(key: impl AsKey) -> Result<Deleted>;
        delete_many<K: AsKey>(keys: &[K]) -> Vec<Result<Deleted>>;
        delete_if(key: impl AsKey, cas: CasToken) -> Result<Deleted>;
        touch(key: impl AsKey, ttl: impl Into<Ttl>) -> Result<Touched>;
        touch_many<K: AsKey>(keys: &[K], ttl: impl Into<Ttl>) -> Vec<Result<Touched>>;
        incr(key: impl AsKey, delta: u64) -> Result<Option<u64>>;
        decr(key: impl AsKey, delta: u64) -> Result<Option<u64>>;
        incr_or_init(
            key: impl AsKey, delta: u64, initial: u64, ttl: impl Into<Ttl>
        ) -> Result<u64>;
        barrier() -> Settled;
        versions() -> Vec<(String, Result<String>)>;
        version() -> Result<String>;
        stats() -> Vec<(String, Result<Stats>)>;
        stats_of<W: AsRef<str>>(words: impl IntoIterator<Item = W>) -> Vec<(String, Result<Stats>)>;
        meta_of(key: impl AsKey) -> Result<Option<KeyInfo>>;
        flush_all() -> Result<()>;
        flush_all_after(delay: Duration) -> Result<()>;
        cache_memlimit(megabytes: u32) -> Result<()>;
        verbosity(level: u32) -> Result<()>;
        shutdown() -> Result<()>;
        shutdown_gracefully() -> Result<()>;
        raw_command(line: impl AsRef<[u8]>, end: ReplyEnd) -> Result<Bytes>;
        raw_command_at(server: &str, line: impl AsRef<[u8]>, end: ReplyEnd) -> Result<Bytes>;
    }
}

impl Writes<'_> {
    operations! {
        set(key: impl AsKey, value: impl IntoValue, ttl: impl Into<Ttl>) -> Result<()>;
        add(key: impl AsKey, value: impl IntoValue, ttl: impl Into<Ttl>) -> Result<()>;
        replace(key: impl AsKey, value: impl IntoValue, ttl: impl Into<Ttl>) -> Result<()>;
        append(key: impl AsKey, value: impl IntoValue) -> Result<()>;
        prepend(key: impl AsKey, value: impl IntoValue) -> Result<()>;
        delete(key: impl AsKey) -> Result<()>;
        touch(key: impl AsKey, ttl: impl Into<Ttl>) -> Result<()>;
        incr(key: impl AsKey, delta: u64) -> Result<()>;
        decr(key: impl AsKey, delta: u64) -> Result<()>;
    }
}
