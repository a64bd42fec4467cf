//! The counters of tags: reading them beside entries, and counting them on.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use memclient_serde::{Flags, KeyWriter};

use super::{
    core::Core,
    header::{Header, MAX_TAGS, Tagged},
    plan::{Plan, TagGenerations, Tags},
};
use crate::{
    backend::{Arithmetic, CacheBackend, Capabilities, Get, Mode, Read, Set},
    error::{Error, Result},
    wire::{Key, Ttl, Value},
};

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
        if keys.len() > MAX_TAGS {
            self.counters.unencodable.add_one();
            return Err(too_many_tags());
        }
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
            // Whoever reads a damaged one finds that out, and counts it.
            Tagged::Nothing | Tagged::Damaged => true,
            Tagged::Without => !plan.has_tags(),
            Tagged::With(header) => header.names(plan.tags.keys()) && header.0.iter().all(holds),
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
        header.names(plan.tags.keys()) && header.0.iter().all(holds)
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

/// What is said of more tags than an entry can have.
#[cold]
pub(super) fn too_many_tags() -> Error {
    Error::config(format!("an entry can have {MAX_TAGS} tags, and not more"))
}

fn generation(value: &Value) -> Option<u64> {
    std::str::from_utf8(value.data()).ok()?.trim_end().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_numbers_are_generations() {
        assert_eq!(generation(&Value::new("17", 0)), Some(17));
        assert_eq!(generation(&Value::new("17 ", 0)), Some(17));
        assert_eq!(generation(&Value::new("", 0)), None);
        assert_eq!(generation(&Value::new("x", 0)), None);
    }
}
