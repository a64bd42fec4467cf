use super::{Arithmetic, CacheBackend, Capabilities, Delete, Get, Read, Set, Written};
use crate::{
    error::Result,
    wire::{Deleted, Key, Touched, Ttl, Value},
};

/// A backend that keeps nothing: every read is a miss. For a program that wants its cached
/// functions uncached.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoBackend;

impl CacheBackend for NoBackend {
    async fn get(&self, _: &Key, _: Get) -> Result<Read> {
        Ok(Read::Miss)
    }

    async fn set(&self, _: &Key, _: Value, _: Set) -> Result<Written> {
        Ok(Written::NotStored)
    }

    async fn delete(&self, _: &Key, _: Delete) -> Result<Deleted> {
        Ok(Deleted::NotFound)
    }

    async fn touch(&self, _: &Key, _: Ttl) -> Result<Touched> {
        Ok(Touched::NotFound)
    }

    async fn arithmetic(&self, _: &Key, _: Arithmetic) -> Result<Option<u64>> {
        Ok(None)
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::NONE
    }
}
