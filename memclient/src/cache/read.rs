//! Looking at what is kept, without loading.

use memclient_serde::{CacheValue, KeyBuf};

use super::{
    core::Core,
    entry::Entry,
    found::{Early, Found, Kept},
    plan::Plan,
};
use crate::{
    backend::{CacheBackend, Get},
    error::Result,
    wire::Key,
};

impl Core {
    /// Returns what is known and fresh.
    pub(crate) async fn peek<T: CacheValue>(
        &self,
        key: &KeyBuf,
        plan: Plan<'_>,
    ) -> Result<Option<Found<T>>> {
        Ok(self.lookup(key, plan).await?.and_then(Kept::fresh))
    }

    /// Returns what is known and fresh, in the order of the keys.
    pub(super) async fn peek_many<T: CacheValue>(
        &self,
        keys: &[KeyBuf],
        plan: Plan<'_>,
    ) -> Vec<Result<Option<T>>> {
        let mut answers = Vec::with_capacity(keys.len());
        let (mut far, mut places) = (Vec::new(), Vec::new());
        for (place, key) in keys.iter().enumerate() {
            let near = self.near(key.as_bytes(), plan, Early::Never).and_then(Kept::fresh);
            if near.is_none() {
                far.push(Key::from(key));
                places.push(place);
            }
            answers.push(Ok(near.and_then(Found::into_value)));
        }
        if far.is_empty() {
            return answers;
        }
        let heard = self.listen_all(&far, Get::shared(), plan).await;
        for ((place, key), heard) in places.into_iter().zip(&far).zip(heard) {
            let seen = self.hear(key, heard, false, plan, Early::Never);
            if let Some(answer) = answers.get_mut(place) {
                let fresh = |kept: Kept<T>| kept.fresh().and_then(Found::into_value);
                *answer = seen.map(|seen| seen.kept.and_then(fresh));
            }
        }
        answers
    }

    /// Returns what is known.
    pub(super) async fn lookup<T: CacheValue>(
        &self,
        key: &KeyBuf,
        plan: Plan<'_>,
    ) -> Result<Option<Kept<T>>> {
        let near = self.near(key.as_bytes(), plan, Early::Never);
        if near.as_ref().is_some_and(|kept| !kept.is_stale()) {
            return Ok(near);
        }
        // What is stale here may have been refreshed elsewhere.
        let how = if near.is_some() { Get::shared() } else { Get::default() };
        self.read(key, plan, how).await
    }

    /// Returns what is known, with what its store says of it, as callers see it.
    pub(crate) async fn entry<T: CacheValue>(
        &self,
        key: &KeyBuf,
        plan: Plan<'_>,
    ) -> Result<Option<Entry<T>>> {
        let kept = self.lookup_with_meta(key, plan).await?;
        Ok(kept.map(|kept| Entry::of(kept, *plan.policy)))
    }

    /// Returns what is known, with what its store says of it.
    async fn lookup_with_meta<T: CacheValue>(
        &self,
        key: &KeyBuf,
        plan: Plan<'_>,
    ) -> Result<Option<Kept<T>>> {
        let near = self.backend().local(key.as_bytes());
        let near = near.filter(|hit| self.holds_here(plan, &hit.value));
        let near = near.and_then(|hit| Kept::read(&hit, plan.policy, Early::Never).ok());
        let how = match near {
            Some(kept) if !kept.is_stale() => {
                self.count_hit(&kept);
                return Ok(Some(kept));
            }
            Some(_) => Get::shared(),
            None => Get::default(),
        };
        self.read(key, plan, how).await
    }

    async fn read<T: CacheValue>(
        &self,
        key: &KeyBuf,
        plan: Plan<'_>,
        how: Get,
    ) -> Result<Option<Kept<T>>> {
        let key = Key::from(key);
        let heard = self.listen(&key, how, plan).await;
        Ok(self.hear(&key, heard, false, plan, Early::Never)?.kept)
    }
}
