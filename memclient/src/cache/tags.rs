//! Tags: counters that many entries are stored under, so that one increment ends them all.
//!
//! A tag is an item of its own, a number that only grows: its generation. An entry with tags says in
//! a header under which generations it was loaded, and whoever reads it reads those counters in the
//! same round trip; where one of them has another number now, or is gone, the entry is out of date. A
//! counter begins with the time, so that one which was evicted and begins anew does not repeat a
//! number.

use std::{
    ops::Deref,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use bytes::{Buf, BufMut, Bytes, BytesMut};
use memclient_serde::{Flags, KeyWriter};

use super::{core::Core, policy::Policy};
use crate::{
    backend::{Arithmetic, CacheBackend, Capabilities, Get, Mode, Read, Set},
    error::{Error, Result},
    wire::{Key, Ttl, Value},
};

/// The tags of a call, as the keys of their counters.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tags(Option<Arc<[Key]>>);

/// What a call goes by: how entries are kept, and under which tags.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan<'a> {
    pub(super) policy: Policy,
    pub(super) tags: &'a Tags,
}

/// The generations of a call's tags, in their order, as they were before it began to load. Without
/// them nothing is kept that is to have tags.
#[derive(Clone, Debug, Default)]
pub(super) struct TagGenerations(Option<Arc<[u64]>>);

impl Tags {
    pub(super) fn new(keys: impl IntoIterator<Item = Key>) -> Self {
        let mut keys: Vec<Key> = keys.into_iter().collect();
        keys.sort_unstable_by(|one, other| one.as_bytes().cmp(other.as_bytes()));
        keys.dedup();
        Self((!keys.is_empty()).then(|| keys.into()))
    }

    pub(super) fn keys(&self) -> &[Key] {
        self.0.as_deref().unwrap_or_default()
    }
}

impl Plan<'_> {
    pub(super) fn has_tags(&self) -> bool {
        self.tags.0.is_some()
    }

    /// Returns a value as it is stored under these generations; `None` where they are not known.
    pub(super) fn seal(&self, tags: &TagGenerations, value: Value) -> Option<Value> {
        if !self.has_tags() {
            return Some(value);
        }
        let generations = tags.0.as_deref()?;
        Header::join(self.tags.keys().iter().zip(generations.iter().copied()), &value)
    }
}

impl Deref for Plan<'_> {
    type Target = Policy;

    fn deref(&self) -> &Policy {
        &self.policy
    }
}

/// A header: which tags an entry was stored under, and their generations then.
///
/// A count of two bytes; for each tag a length of one byte, its counter's key, and eight bytes of its
/// generation. Numbers are big-endian.
struct Header(Vec<(Key, u64)>);

impl Header {
    /// Returns the header and what follows it; `None` where there is none that is whole.
    fn split(value: &Value) -> Option<(Self, Bytes)> {
        let mut rest = value.data().clone();
        let count = rest.try_get_u16().ok()?;
        let mut tags = Vec::new();
        for _ in 0..count {
            let len = usize::from(rest.try_get_u8().ok()?);
            if rest.len() < len {
                return None;
            }
            let key = Key::new(rest.split_to(len)).ok()?;
            tags.push((key, rest.try_get_u64().ok()?));
        }
        Some((Self(tags), rest))
    }

    /// Says whether each of these tags is among its own.
    fn names(&self, tags: &Tags) -> bool {
        tags.keys().iter().all(|key| self.0.iter().any(|(tag, _)| tag == key))
    }

    /// Puts the header before a value; `None` for more tags than it can name.
    fn join<'a>(
        tags: impl ExactSizeIterator<Item = (&'a Key, u64)>,
        value: &Value,
    ) -> Option<Value> {
        let mut data = BytesMut::new();
        data.put_u16(u16::try_from(tags.len()).ok()?);
        for (key, generation) in tags {
            data.put_u8(u8::try_from(key.as_bytes().len()).ok()?);
            data.put_slice(key.as_bytes());
            data.put_u64(generation);
        }
        data.put_slice(value.data());
        let flags = value.payload().flags.with_header();
        Some(Value::new(data, flags.bits()).with_decoded_of(value))
    }
}

/// What an answer says of tags.
enum Tagged {
    /// There is no item.
    Nothing,
    /// The item has none.
    Without,
    With(Header),
    /// The item's header is not whole.
    Damaged,
}

impl Tagged {
    fn of(answer: Option<&Read>) -> Self {
        match answer.and_then(Read::any) {
            None => Self::Nothing,
            Some(hit) if !hit.value.payload().flags.has_header() => Self::Without,
            Some(hit) => {
                Header::split(&hit.value).map_or(Self::Damaged, |(header, _)| Self::With(header))
            }
        }
    }

    fn tags(&self) -> &[(Key, u64)] {
        match self {
            Self::With(header) => &header.0,
            Self::Nothing | Self::Without | Self::Damaged => &[],
        }
    }
}

/// Takes the header off a value that has one; `None` where it is not whole.
pub(super) fn without_header(value: &Value) -> Option<Value> {
    let (_, data) = Header::split(value)?;
    Some(Value::new(data, value.payload().flags.without_header().bits()))
}

impl Core {
    /// Returns the tags of these names, beside those that all entries of the cache have.
    pub(crate) fn tags<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> Tags {
        let own = names.into_iter().map(|name| self.tag(name));
        Tags::new(own.chain(self.common.keys().iter().cloned()))
    }

    fn tag(&self, name: &str) -> Key {
        let mut key = KeyWriter::new(self.max_key);
        key.head(&self.prefix);
        key.raw("tag");
        key.part(name);
        Key::from(&key.finish())
    }

    /// Returns the counter of all entries of the cache.
    pub(super) fn common_tag(&self) -> Key {
        let mut key = KeyWriter::new(self.max_key);
        key.head(&self.prefix);
        key.raw("all");
        Key::from(&key.finish())
    }

    /// Ends all entries with this tag.
    pub(super) async fn invalidate_tag(&self, name: &str) -> Result<()> {
        self.counters.invalidations.add_one();
        self.count(&self.tag(name), 1).await.map(drop)
    }

    /// Ends all entries of a cache that keeps them so.
    pub(super) async fn clear(&self) -> Result<()> {
        let [all] = self.common.keys() else {
            return Err(Error::config(
                "the cache cannot be cleared: its entries have no common tag; build it with `clearable(true)`",
            ));
        };
        self.counters.invalidations.add_one();
        self.count(all, 1).await.map(drop)
    }

    /// Returns the generations under which a call is to load or put; counters that are missing are
    /// begun.
    pub(super) async fn tag_generations(&self, plan: Plan<'_>) -> Result<TagGenerations> {
        let keys = plan.tags.keys();
        let mut generations = Vec::with_capacity(keys.len());
        for (key, read) in keys.iter().zip(self.read_tags(keys).await?) {
            generations.push(match read {
                Some(generation) => generation,
                None => self.count(key, 0).await?,
            });
        }
        Ok(TagGenerations(Some(generations.into())))
    }

    /// Reads counters where processes share them.
    pub(super) async fn read_tags(&self, keys: &[Key]) -> Result<Vec<Option<u64>>> {
        let answers = match keys {
            [] => return Ok(Vec::new()),
            [key] => vec![self.backend().get(key, Get::shared()).await],
            keys => self.backend().get_many(keys, Get::shared()).await,
        };
        let generation = |read: Read| read.value().as_ref().and_then(generation);
        answers
            .into_iter()
            .map(|read| read.map(generation).inspect_err(|error| self.failed(error)))
            .collect()
    }

    /// Says of each answer whether its tags are the same as when it was stored; `read` are the
    /// generations that were read beside them.
    pub(super) async fn are_current(
        &self,
        plan: Plan<'_>,
        answers: &[Option<&Read>],
        read: &[Option<u64>],
    ) -> Result<Vec<bool>> {
        let headers: Vec<_> = answers.iter().map(|answer| Tagged::of(*answer)).collect();
        let mut known: Vec<(&Key, Option<u64>)> =
            plan.tags.keys().iter().zip(read.iter().copied()).collect();
        // Who stored it may have named more tags than this caller knows of.
        let named = headers.iter().flat_map(Tagged::tags);
        let mut others: Vec<Key> = named
            .filter(|(key, _)| known.iter().all(|(other, _)| *other != key))
            .map(|(key, _)| key.clone())
            .collect();
        others.sort_unstable_by(|one, other| one.as_bytes().cmp(other.as_bytes()));
        others.dedup();
        let more = self.read_tags(&others).await?;
        known.extend(others.iter().zip(more));
        let holds = |(key, then): &(Key, u64)| known.contains(&(key, Some(*then)));
        let is_current = |tagged: &Tagged| match tagged {
            Tagged::Nothing => true,
            Tagged::Without => !plan.has_tags(),
            Tagged::Damaged => false,
            Tagged::With(header) => header.names(plan.tags) && header.0.iter().all(holds),
        };
        Ok(headers.iter().map(is_current).collect())
    }

    /// Says whether what is in this process's memory has the caller's tags, and all of its own are here
    /// too and the same.
    pub(super) fn holds_here(&self, plan: Plan<'_>, value: &Value) -> bool {
        if !value.payload().flags.has_header() {
            return !plan.has_tags();
        }
        let Some((header, _)) = Header::split(value) else { return false };
        let holds = |(key, then): &(Key, u64)| {
            let mut now = None;
            self.backend().look_local(key.as_bytes(), &mut |value| now = generation(value));
            now == Some(*then)
        };
        header.names(plan.tags) && header.0.iter().all(holds)
    }

    /// Adds to a counter, and begins it where there is none.
    async fn count(&self, key: &Key, delta: u64) -> Result<u64> {
        let start = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        let start = u64::try_from(start.as_micros()).unwrap_or(u64::MAX / 2);
        let change = Arithmetic::increment(delta);
        let able = self.backend().capabilities();
        for _ in 0..3 {
            let change = if able.contains(Capabilities::COUNTER_START) {
                change.or_start_at(start, Ttl::Never)
            } else {
                change
            };
            let counted = self.backend().arithmetic(key, change).await;
            if let Some(number) = counted.inspect_err(|error| self.failed(error))? {
                return Ok(number);
            }
            let first = Value::new(start.to_string(), Flags::INTEGER.bits());
            let how = Set::ttl(Ttl::Never).mode(Mode::Add);
            if self.backend().set(key, first, how).await?.is_stored() {
                return Ok(start);
            }
        }
        Err(Error::config("the backend has no counters, which tags need"))
    }
}

fn generation(value: &Value) -> Option<u64> {
    std::str::from_utf8(value.data()).ok()?.trim_end().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_comes_off_as_it_was_put_on() {
        let value = Value::new("bytes", 16);
        let keys = [Key::new("tag:a").unwrap(), Key::new("tag:b").unwrap()];
        let tags = keys.iter().zip([7, u64::MAX]);
        let joined = Header::join(tags.clone(), &value).unwrap();
        assert!(joined.payload().flags.has_header());
        let (Header(found), rest) = Header::split(&joined).unwrap();
        assert!(found.iter().map(|(key, generation)| (key, *generation)).eq(tags));
        assert_eq!(rest, "bytes");
        assert_eq!(without_header(&joined).unwrap(), value);
    }

    #[test]
    fn a_header_that_is_cut_off_is_none() {
        let keys = [Key::new("tag:a").unwrap()];
        let whole = Header::join(keys.iter().zip([7]), &Value::new("", 0)).unwrap();
        for len in 0..whole.len() {
            let cut = Value::new(whole.data().slice(..len), whole.flags());
            assert!(Header::split(&cut).is_none(), "{len}");
        }
    }

    #[test]
    fn a_claim_of_many_tags_costs_nothing() {
        assert!(Header::split(&Value::new(&b"\xff\xff"[..], 0)).is_none());
    }

    #[test]
    fn only_numbers_are_generations() {
        assert_eq!(generation(&Value::new("17", 0)), Some(17));
        assert_eq!(generation(&Value::new("17 ", 0)), Some(17));
        assert_eq!(generation(&Value::new("", 0)), None);
        assert_eq!(generation(&Value::new("x", 0)), None);
    }
}
