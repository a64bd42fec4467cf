//! A call of a cached function, up to the answer at hand.

use std::{sync::Arc, time::Duration};

use memclient_serde::{KeyBuf, KeyWriter};

use super::{
    cache_ref::{CallCache, HeldCache},
    entry::{Entry, Target, plan},
    load::{Missed, Opened},
    outcome::Outcome,
};
use crate::cache::{Cache, CachedFn, Early, Open, Policy, Tags};

/// A call of a function whose result has the shape `O`, before its key is written.
#[derive(Debug)]
pub struct Call<'t, O> {
    cache: CallCache,
    of: Of<'t, O>,
}

/// What there is where no answer is at hand; nothing where another function has the entries.
type Unanswered<T> = Option<Box<Open<T>>>;

/// What is called, and how.
#[derive(Debug)]
struct Of<'t, O> {
    function: &'static CachedFn,
    outcome: O,
    policy: &'t Policy,
    place: &'static str,
    tags: &'t [&'t str],
}

#[inline]
pub fn call<'t, O: Outcome>(
    function: &'static CachedFn,
    cache: CallCache,
    outcome: O,
    policy: &'t Policy,
    place: &'static str,
) -> Call<'t, O> {
    Call { cache, of: Of { function, outcome, policy, place, tags: &[] } }
}

impl<'t, O: Outcome> Call<'t, O> {
    /// Has the entry have these tags.
    #[inline]
    #[must_use]
    pub fn tagged(mut self, tags: &'t [&'t str]) -> Self {
        self.of.tags = tags;
        self
    }

    /// Answers from this process's memory.
    ///
    /// # Errors
    ///
    /// Where there is no answer, returns what gets one.
    #[inline]
    pub fn at_hand(self, parts: impl FnOnce(&mut KeyWriter)) -> Result<O::Return, Missed<O>> {
        self.answer(parts, Early::Never)
    }

    /// As [`Call::at_hand`], for a loader that may run in the background before the answer ends.
    ///
    /// # Errors
    ///
    /// As there.
    #[inline]
    pub fn at_hand_or_early(
        self,
        parts: impl FnOnce(&mut KeyWriter),
    ) -> Result<O::Return, Missed<O>> {
        self.answer(parts, Early::Allowed)
    }

    #[inline]
    fn answer(
        self,
        parts: impl FnOnce(&mut KeyWriter),
        early: Early,
    ) -> Result<O::Return, Missed<O>> {
        let Self { cache, of } = self;
        match cache {
            // Nearly all calls are answered here: so the cache is borrowed until one is not.
            CallCache::Installed => Cache::with_current(|cache| {
                let key = of.key(cache, parts);
                let answer = of.look(cache, &key, early);
                answer.map_err(|open| of.missed(HeldCache::Installed(Arc::clone(cache)), open))
            }),
            CallCache::Named(cache) => {
                let key = of.key(&cache, parts);
                let answer = of.look(&cache, &key, early);
                answer.map_err(|open| of.missed(HeldCache::Named(cache), open))
            }
        }
    }

    /// Returns the entry of the call.
    #[inline]
    pub fn entry(self, parts: impl FnOnce(&mut KeyWriter)) -> Entry<O> {
        let Self { cache, of } = self;
        let cache = match cache {
            CallCache::Installed => {
                Cache::with_current(|cache| HeldCache::Installed(Arc::clone(cache)))
            }
            CallCache::Named(cache) => HeldCache::Named(cache),
        };
        let (key, rival) = (of.key(&cache, parts), of.rival(&cache));
        let (policy, tags) = (cache.core().policy(*of.policy), of.own_tags(&cache));
        Entry::new(Target { cache, key, policy, tags, function: of.function, rival })
    }
}

impl<O: Outcome> Of<'_, O> {
    #[inline]
    fn key(&self, cache: &Cache, parts: impl FnOnce(&mut KeyWriter)) -> KeyBuf {
        let head = self.function.head::<O::Value>();
        cache.core().key(head, |key| {
            if !self.place.is_empty() {
                key.raw(":");
                key.raw(self.place);
            }
            parts(key);
        })
    }

    /// Returns the function that has the entries, if it is another one.
    #[inline]
    fn rival(&self, cache: &Cache) -> Option<&'static CachedFn> {
        if self.function.is_known_in(cache) {
            return None;
        }
        self.function.rival(cache, self.function.head::<O::Value>(), self.place)
    }

    fn look(
        &self,
        cache: &Cache,
        key: &KeyBuf,
        early: Early,
    ) -> Result<O::Return, Unanswered<O::Value>> {
        if let Some(rival) = self.rival(cache) {
            self.function.tell_refused(cache, rival);
            return Err(None);
        }
        let core = cache.core();
        let answer = if self.tags.is_empty() && !core.looks_at_age(self.policy, early) {
            core.at_hand(key, plan(core, &Policy::AGELESS, None), early)
        } else {
            let (policy, tags) = (core.policy(*self.policy), self.own_tags(cache));
            core.at_hand(key, plan(core, &policy, tags.as_ref()), early)
        };
        answer.map_err(Some)
    }

    #[cold]
    fn missed(&self, cache: HeldCache, open: Unanswered<O::Value>) -> Missed<O> {
        let opened = open.map(|open| {
            let (policy, tags) = (cache.core().policy(*self.policy), self.own_tags(&cache));
            Box::new(Opened { cache, policy, tags, open })
        });
        Missed::new(self.outcome, opened)
    }

    fn own_tags(&self, cache: &Cache) -> Option<Tags> {
        let tags = self.tags;
        (!tags.is_empty()).then(|| cache.core().tags(tags.iter().copied()))
    }
}

/// Returns a policy that keeps entries for so long.
pub const fn lasting(ttl: Duration) -> Policy {
    Policy::lasting(ttl)
}

/// Returns what `policy` sets, and else what `usual` does.
pub fn over(policy: Policy, usual: &Policy) -> Policy {
    policy.over(*usual)
}
