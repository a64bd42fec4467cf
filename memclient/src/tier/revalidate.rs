//! Near copies whose near time has passed, and which the far tier confirms.

use std::time::Duration;

use super::{Tiered, generations::Sighting};
use crate::{
    backend::{CacheBackend, Delete, Get, Hit, Tier, TtlLeft},
    error::Result,
    wire::{CasToken, Key},
};

/// By how much the end of an item may differ from what was said before: lives are told in whole
/// seconds, and the answer has been on its way.
const SLACK: Duration = Duration::from_secs(2);

/// A copy to be confirmed.
struct Doubt {
    /// The place of its key among those that are asked for.
    place: usize,
    hit: Hit,
    version: CasToken,
}

impl<Near: CacheBackend, Far: CacheBackend> Tiered<Near, Far> {
    /// Returns the item of each key whose copy the far tier confirms, by the place of the key, and
    /// keeps it near for another near time; what cannot be asked is an error.
    pub(super) async fn confirm(
        &self,
        keys: &[Key],
        how: Get,
        sightings: &[Sighting<'_>],
    ) -> Vec<(usize, Result<Hit>)> {
        let doubts = self.doubts(keys, how);
        if doubts.is_empty() {
            return Vec::new();
        }
        let items: Vec<_> =
            doubts.iter().map(|doubt| (keys[doubt.place].clone(), doubt.version)).collect();
        let answers = self.far.confirm_many(&items).await;
        let mut confirmed = Vec::new();
        for (Doubt { place, hit, .. }, answer) in doubts.into_iter().zip(answers) {
            let left = match answer {
                Ok(Some(left)) if is_good(how, hit.ttl_left, left) => left,
                Ok(_) => {
                    self.forget_doubtful(&keys[place], &sightings[place]).await;
                    continue;
                }
                Err(error) => {
                    confirmed.push((place, Err(error)));
                    continue;
                }
            };
            let hit = hit.with_ttl_left(left).from_tier(Tier::Far);
            self.keep_confirmed(&keys[place], &hit, how, &sightings[place]).await;
            confirmed.push((place, Ok(hit)));
        }
        confirmed
    }

    /// Returns the copies of these keys that wait to be confirmed.
    fn doubts(&self, keys: &[Key], how: Get) -> Vec<Doubt> {
        if how.skip_near || !self.revalidates() {
            return Vec::new();
        }
        let lapsed = |(place, key): (usize, &Key)| {
            let hit = self.near.lapsed(key.as_bytes())?;
            hit.cas.map(|version| Doubt { place, hit, version })
        };
        keys.iter().enumerate().filter_map(lapsed).collect()
    }

    /// Removes a copy that is another item's by now, so that it is not asked about again.
    async fn forget_doubtful(&self, key: &Key, sighting: &Sighting<'_>) {
        if let Some(_admission) = sighting.admit().await {
            // If it cannot be removed it still ends with the item's life.
            _ = self.near.delete(key, Delete::default()).await;
        }
    }

    async fn keep_confirmed(&self, key: &Key, hit: &Hit, how: Get, sighting: &Sighting<'_>) {
        if let Some(ttl) = self.near_life(hit.ttl_left, how.near)
            && let Some(_admission) = sighting.admit().await
        {
            self.keep_or_forget(key, hit.clone(), ttl).await;
        }
    }
}

/// Says whether an item that lives on for `told` is the one that was to live on for `expected`, and
/// nobody who asks for a lease is to refresh it.
fn is_good(how: Get, expected: TtlLeft, told: TtlLeft) -> bool {
    let (TtlLeft::Left(expected), TtlLeft::Left(told)) = (expected, told) else {
        return expected == told;
    };
    let recache = how.lease.and_then(|terms| terms.recache).unwrap_or_default();
    expected.abs_diff(told) <= SLACK && told >= recache
}
