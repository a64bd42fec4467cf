//! memcached as a backend: the typed outcomes of the client in the words of the trait.

use tokio::runtime::Handle;

use super::{
    Arithmetic, CacheBackend, Capabilities, Delete, Direction, Get, Hit, Lease, Mode, Read,
    Released, Set, Tier, Written,
};
use crate::{
    client::{Client, Condition, Item, Sight},
    error::{Error, Result},
    proto::{
        Answer, Status, Win,
        command::{Counting, StoreMode},
    },
    runtime::Executor,
    wire::{Deleted, Key, Touched, Ttl, Value},
};

impl CacheBackend for Client {
    async fn get(&self, key: &Key, how: Get) -> Result<Read> {
        match how.lease {
            None => Ok(read(self.read(key).await?)),
            Some(terms) => Ok(leased(self.read_leased(key, terms.vivify, terms.recache).await?)),
        }
    }

    async fn get_many(&self, keys: &[Key], how: Get) -> Vec<Result<Read>> {
        match how.lease {
            None => self.read_many(keys).await.into_iter().map(|item| item.map(read)).collect(),
            Some(terms) => {
                let sights = self.read_leased_many(keys, terms.vivify, terms.recache).await;
                sights.into_iter().map(|sight| sight.map(leased)).collect()
            }
        }
    }

    async fn set(&self, key: &Key, value: Value, how: Set) -> Result<Written> {
        let (command, mode) = mode(how.mode);
        let answer = self.write(command, mode, key, &value, how.ttl, how.cas).await?;
        written(&answer)
    }

    async fn set_many(&self, entries: Vec<(Key, Value, Set)>) -> Vec<Result<Written>> {
        let writes = entries.into_iter().map(|(key, value, how)| {
            let (_, mode) = mode(how.mode);
            (key, Ok(value), Condition { mode, ttl: how.ttl, cas: how.cas })
        });
        self.write_many("set", writes, |answer| written(&answer)).await
    }

    async fn delete(&self, key: &Key, how: Delete) -> Result<Deleted> {
        self.remove(key, how.cas, how.stale_for).await
    }

    async fn release(&self, key: &Key, lease: Lease) -> Result<Released> {
        match self.release_lease(key, lease.cas(), lease.is_of_stub()).await {
            Ok(true) => Ok(Released::Released),
            Ok(false) => Ok(Released::Lost),
            // No lease was given out on such a connection, and none can be given back.
            Err(error) if error.is_unsupported() => Ok(Released::Lost),
            Err(error) => Err(error),
        }
    }

    fn release_now(&self, key: &Key, lease: Lease) {
        if self.send_release(key, lease.cas(), lease.is_of_stub()) {
            return;
        }
        let (client, key) = (self.clone(), key.clone());
        let task = async move { drop(CacheBackend::release(&client, &key, lease).await) };
        match Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn(task)),
            Err(_) => _ = Executor::get().map(|executor| executor.spawn(task)),
        }
    }

    async fn touch(&self, key: &Key, ttl: Ttl) -> Result<Touched> {
        self.relive_item(key, ttl).await
    }

    async fn arithmetic(&self, key: &Key, how: Arithmetic) -> Result<Option<u64>> {
        let (command, counting) = match how.direction {
            Direction::Up => ("incr", Counting::Up),
            Direction::Down => ("decr", Counting::Down),
        };
        self.count(command, key, counting, how.delta, how.initial).await
    }

    fn max_key(&self) -> usize {
        self.max_key_len()
    }

    fn capabilities(&self) -> Capabilities {
        let classic = Capabilities::CAS | Capabilities::ARITHMETIC | Capabilities::MODES;
        // Before there is a connection, what was asked for is all that is known. On a connection to
        // a server without the meta dialect each call does without what only that can say.
        if !self.speaks_meta() {
            return classic;
        }
        classic
            | Capabilities::TTL_LEFT
            | Capabilities::CAS_DELETE
            | Capabilities::COUNTER_START
            | Capabilities::LEASE
            | Capabilities::STALE
    }
}

fn mode(mode: Mode) -> (&'static str, StoreMode) {
    match mode {
        Mode::Set => ("set", StoreMode::Set),
        Mode::Add => ("add", StoreMode::Add),
        Mode::Replace => ("replace", StoreMode::Replace),
        Mode::Append => ("append", StoreMode::Append),
        Mode::Prepend => ("prepend", StoreMode::Prepend),
    }
}

fn read(item: Option<Item>) -> Read {
    match item {
        None => Read::Miss,
        Some(item) if item.stale => Read::Stale(Hit { cas: None, ..hit(item) }),
        Some(item) => Read::Hit(hit(item)),
    }
}

fn leased(sight: Sight) -> Read {
    match sight {
        Sight::Item(item, Some(Win::Won)) => {
            let (stale, lease) = (item.stale, Lease::of_item(item.cas));
            if stale { Read::StaleWon(hit(item), lease) } else { Read::Refresh(hit(item), lease) }
        }
        Sight::Item(item, _) => read(Some(item)),
        Sight::Stub(cas, Win::Won) | Sight::MarkedStub(cas) => Read::Won(Lease::of_stub(cas)),
        Sight::Stub(_, Win::Held) => Read::Held,
        Sight::Nothing => Read::Miss,
    }
}

fn hit(item: Item) -> Hit {
    Hit::new(item.value).with_cas(item.cas).with_ttl_left(item.ttl_left).from_tier(Tier::Far)
}

fn written(answer: &Answer) -> Result<Written> {
    match answer.status {
        Status::Done => Ok(Written::Stored),
        Status::NotStored => Ok(Written::NotStored),
        Status::Exists => Ok(Written::Exists),
        Status::NotFound => Ok(Written::NotFound),
        Status::Value | Status::Miss => {
            Err(Error::protocol(format!("a write was answered with {answer:?}")))
        }
    }
}
