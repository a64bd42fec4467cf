//! Reading: near where possible, else far, and then kept near.

use std::slice;

use super::{Tiered, generations::Sighting};
use crate::{
    backend::{CacheBackend, Delete, Get, Read, Tier},
    error::Result,
    wire::Key,
};

impl<Near: CacheBackend, Far: CacheBackend> Tiered<Near, Far> {
    pub(super) async fn read(&self, key: &Key, how: Get) -> Result<Read> {
        if !how.skip_near
            && let Ok(Read::Hit(mut hit)) = self.near.get(key, Get::default()).await
        {
            self.mark_near(&mut hit);
            return Ok(Read::Hit(hit));
        }
        let sighting = self.generations.sight(key);
        let (keys, sightings) = (slice::from_ref(key), slice::from_ref(&sighting));
        if let Some((_, confirmed)) = self.confirm(keys, how, sightings).await.pop() {
            return confirmed.map(Read::Hit);
        }
        let read = self.far.get(key, self.asking(how)).await?;
        self.keep_read(key, &read, how, &sighting).await;
        Ok(as_far(read))
    }

    pub(super) async fn read_many(&self, keys: &[Key], how: Get) -> Vec<Result<Read>> {
        let mut answers =
            if how.skip_near { Vec::new() } else { self.near.get_many(keys, Get::default()).await };
        answers.resize_with(keys.len(), || Ok(Read::Miss));
        let mut missing = Vec::new();
        let mut places = Vec::new();
        for (place, answer) in answers.iter_mut().enumerate() {
            if let Ok(Read::Hit(hit)) = answer {
                self.mark_near(hit);
            } else {
                missing.push(keys[place].clone());
                places.push(place);
            }
        }
        if missing.is_empty() {
            return answers;
        }
        let mut sightings: Vec<_> = missing.iter().map(|key| self.generations.sight(key)).collect();
        let confirmed = self.confirm(&missing, how, &sightings).await;
        if !confirmed.is_empty() {
            let mut open = vec![true; missing.len()];
            for (index, hit) in confirmed {
                open[index] = false;
                answers[places[index]] = hit.map(Read::Hit);
            }
            missing = only(missing, &open);
            places = only(places, &open);
            sightings = only(sightings, &open);
            if missing.is_empty() {
                return answers;
            }
        }
        let reads = self.far.get_many(&missing, self.asking(how)).await;
        for (((key, sighting), place), read) in
            missing.iter().zip(&sightings).zip(places).zip(reads)
        {
            if let Ok(read) = &read {
                self.keep_read(key, read, how, sighting).await;
            }
            answers[place] = read.map(as_far);
        }
        answers
    }

    /// Returns the read with the question that decides about keeping what it finds.
    fn asking(&self, how: Get) -> Get {
        Get { usage: how.usage || self.asks_for_usage(), ..how }
    }

    /// Keeps near what a far read found.
    async fn keep_read(&self, key: &Key, read: &Read, how: Get, sighting: &Sighting<'_>) {
        let found = match read {
            Read::Hit(hit) | Read::Refresh(hit, _) => {
                let life = self.near_life(hit.ttl_left, how.near);
                life.filter(|_| self.is_hot(hit)).map(|ttl| (hit, ttl))
            }
            _ => None,
        };
        // A copy can be near only if the near tier was passed over.
        if found.is_none() && !how.skip_near {
            return;
        }
        let Some(_admission) = sighting.admit().await else {
            return;
        };
        match found {
            Some((hit, ttl)) => self.keep_or_forget(key, hit.clone(), ttl).await,
            // If it cannot be removed it still ends with its time to live.
            None => _ = self.near.delete(key, Delete::default()).await,
        }
    }
}

/// Returns those that are still open.
fn only<T>(all: Vec<T>, open: &[bool]) -> Vec<T> {
    all.into_iter().zip(open).filter(|(_, open)| **open).map(|(one, _)| one).collect()
}

fn as_far(read: Read) -> Read {
    read.map(|hit| hit.from_tier(Tier::Far))
}

#[cfg(test)]
#[cfg(feature = "moka")]
mod tests {
    use std::{sync::Arc, time::Duration};

    use super::*;
    use crate::{
        backend::Set,
        clock::Clock,
        tier::testing::{Far, get, key, moka, read, tiers, value},
        wire::Ttl,
    };

    #[tokio::test]
    async fn what_was_read_far_is_answered_near_with_its_version_and_life() {
        let clock = Clock::manual();
        let tiers = Tiered::new(moka(&clock), Far::new(moka(&clock)));
        tiers.far().put("v", Ttl::secs(600)).await;
        let far = get(&tiers, Get::default()).await.unwrap();
        let near = get(&tiers, Get::default()).await.unwrap();
        assert_eq!((far.tier, near.tier), (Tier::Far, Tier::Near));
        assert_eq!((&far.value, far.cas, far.ttl_left), (&near.value, near.cas, near.ttl_left));
        assert!(near.cas.is_some());
        assert_eq!(tiers.local(b"k"), Some(near));
        assert_eq!(tiers.far().reads(), 1);
    }

    #[tokio::test]
    async fn what_others_write_is_seen_after_the_near_ttl() {
        let clock = Clock::manual();
        let tiers =
            Tiered::new(moka(&clock), Far::new(moka(&clock))).near_ttl(Duration::from_secs(10));
        tiers.far().put("old", Ttl::Never).await;
        assert_eq!(read(&tiers).await, Some(value("old")));
        tiers.far().put("new", Ttl::Never).await;
        clock.advance(Duration::from_millis(9_999));
        assert_eq!(read(&tiers).await, Some(value("old")));
        clock.advance(Duration::from_millis(1));
        assert_eq!(read(&tiers).await, Some(value("new")));
    }

    #[tokio::test]
    async fn an_answer_from_before_a_finished_write_is_not_kept() {
        for delete in [false, true] {
            let tiers = Arc::new(tiers());
            tiers.far().put("old", Ttl::Never).await;
            tiers.far().answers.close();
            let reader = tokio::spawn({
                let tiers = Arc::clone(&tiers);
                async move { read(&tiers).await }
            });
            tiers.far().answers.somebody_waits().await;
            let expected = if delete {
                assert!(tiers.delete(&key(), Delete::default()).await.unwrap().is_deleted());
                None
            } else {
                assert!(tiers.set(&key(), value("new"), Set::default()).await.unwrap().is_stored());
                Some(value("new"))
            };
            tiers.far().answers.open();
            assert_eq!(reader.await.unwrap(), Some(value("old")));
            assert_eq!(tiers.local(b"k").map(|hit| hit.value), expected);
            assert_eq!(read(&tiers).await, expected);
        }
    }

    #[tokio::test]
    async fn an_answer_in_a_batch_from_before_a_finished_write_is_not_kept() {
        let tiers = Arc::new(tiers());
        tiers.far().put("old", Ttl::Never).await;
        tiers.far().answers.close();
        let reader = tokio::spawn({
            let tiers = Arc::clone(&tiers);
            async move { tiers.get_many(&[key()], Get::default()).await }
        });
        tiers.far().answers.somebody_waits().await;
        assert!(tiers.delete(&key(), Delete::default()).await.unwrap().is_deleted());
        tiers.far().answers.open();
        reader.await.unwrap();
        assert_eq!(tiers.local(b"k"), None);
    }

    #[tokio::test]
    async fn get_many_asks_the_far_tier_once_and_only_for_what_is_not_near() {
        let tiers = tiers();
        let keys = ["a", "b", "c", "a"].map(|name| Key::new(name).unwrap());
        for key in &keys[..2] {
            assert!(
                tiers.far().store.set(key, value("v"), Set::default()).await.unwrap().is_stored()
            );
        }
        assert!(tiers.get(&keys[1], Get::default()).await.is_ok());
        let answers = tiers.get_many(&keys, Get::default()).await;
        let from: Vec<_> =
            answers.into_iter().map(|read| read.unwrap().hit().map(|hit| hit.tier)).collect();
        assert_eq!(from, [Some(Tier::Far), Some(Tier::Near), None, Some(Tier::Far)]);
        assert_eq!(tiers.far().batches(), [3]);
        let answers = tiers.get_many(&keys[..2], Get::default()).await;
        assert!(answers.into_iter().all(|read| read.unwrap().hit().unwrap().tier == Tier::Near));
        assert_eq!(tiers.far().batches(), [3]);
    }

    #[tokio::test]
    async fn a_shared_read_passes_the_near_tier_over_and_refreshes_it() {
        let tiers = tiers();
        tiers.far().put("old", Ttl::Never).await;
        assert_eq!(read(&tiers).await, Some(value("old")));
        tiers.far().put("new", Ttl::Never).await;
        assert_eq!(get(&tiers, Get::shared()).await.unwrap().tier, Tier::Far);
        assert_eq!(tiers.local(b"k").map(|hit| hit.value), Some(value("new")));
        assert!(tiers.far().store.delete(&key(), Delete::default()).await.unwrap().is_deleted());
        assert_eq!(get(&tiers, Get::shared()).await, None);
        assert_eq!(tiers.local(b"k"), None);
    }
}
