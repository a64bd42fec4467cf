//! memcached as a backend: the typed outcomes of the client in the words of the trait.

use super::{
    Arithmetic, CacheBackend, Capabilities, Delete, Direction, Get, Hit, Mode, Read, Set, Tier,
    Written,
};
use crate::{
    client::{Client, Item},
    error::{Error, Result},
    proto::{
        Answer, Status,
        command::{Counting, StoreMode},
    },
    wire::{Deleted, Key, Touched, Ttl, Value},
};

impl CacheBackend for Client {
    async fn get(&self, key: &Key, _: Get) -> Result<Read> {
        Ok(read(self.read(key).await?))
    }

    async fn get_many(&self, keys: &[Key], _: Get) -> Vec<Result<Read>> {
        self.read_many(keys).await.into_iter().map(|item| item.map(read)).collect()
    }

    async fn set(&self, key: &Key, value: Value, how: Set) -> Result<Written> {
        let (command, mode) = match how.mode {
            Mode::Set => ("set", StoreMode::Set),
            Mode::Add => ("add", StoreMode::Add),
            Mode::Replace => ("replace", StoreMode::Replace),
            Mode::Append => ("append", StoreMode::Append),
            Mode::Prepend => ("prepend", StoreMode::Prepend),
        };
        let answer = self.write(command, mode, key, &value, how.ttl, how.cas).await?;
        written(&answer)
    }

    async fn set_many(&self, entries: Vec<(Key, Value)>, how: Set) -> Vec<Result<Written>> {
        if how.mode == Mode::Set && how.cas.is_none() {
            return self.write_many(entries, how.ttl, |answer| written(&answer)).await;
        }
        let mut outcomes = Vec::with_capacity(entries.len());
        for (key, value) in entries {
            outcomes.push(CacheBackend::set(self, &key, value, how).await);
        }
        outcomes
    }

    async fn delete(&self, key: &Key, how: Delete) -> Result<Deleted> {
        self.remove(key, how.cas).await
    }

    async fn touch(&self, key: &Key, ttl: Ttl) -> Result<Touched> {
        self.relive(key, ttl).await
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
        Capabilities::CAS | Capabilities::TTL_LEFT | Capabilities::ARITHMETIC | Capabilities::MODES
    }
}

fn read(item: Option<Item>) -> Read {
    item.map_or(Read::Miss, |item| {
        Read::Hit(
            Hit::new(item.value)
                .with_cas(item.cas)
                .with_ttl_left(item.ttl_left)
                .from_tier(Tier::Far),
        )
    })
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
