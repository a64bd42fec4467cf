//! The one path from a call to its answer, for handles and functions, asynchronous and not.
//!
//! Two steps, to look and to keep, with the loader between them: it runs as the caller's own code, on
//! the caller's thread and runtime, in both kinds of call; only a call that says so has it run in the
//! background. A cache in trouble fails no call but one that asks for it: a backend that cannot be asked
//! is a miss, a value that cannot be kept is returned all the same, and both are counted.
//!
//! What is not done for an answer at hand is boxed: it costs more than an allocation, and callers
//! carry a small future.

use std::{future::Future, sync::Arc, time::Duration};

use memclient_serde::{CacheValue, KeyBuf};
use tokio::{sync::oneshot, time::timeout};

use super::{
    begin::Load,
    core::Core,
    current,
    fill::{Done, Outcome},
    found::{Found, absence},
    loaded::{Errors, Loaded, Produced},
    look::{Known, Looked, Open},
    plan::{Plan, TagGenerations},
};
use crate::{
    error::Result,
    events::Event,
    wire::{Key, Ttl},
};

impl Core {
    /// Answers from what is known, or from the loader, what had no answer at hand; `errors` are those that
    /// it may answer with.
    pub(crate) async fn get_or_load<T, R, F, Fut>(
        &self,
        open: Box<Open<T>>,
        plan: Plan<'_>,
        errors: impl Errors<R>,
        loader: F,
    ) -> R
    where
        T: CacheValue,
        R: Loaded<T>,
        F: FnOnce() -> Fut,
        Fut: Future<Output = R>,
    {
        match self.look(open, plan, errors).await {
            Looked::Answer(answer) => answer,
            Looked::Load(load) => {
                let brought = loader().await;
                Box::pin(self.keep::<T, R>(load, plan, errors, brought)).await
            }
            Looked::Refresh(load, known) => {
                let brought = match plan.patience() {
                    Some(patience) => timeout(patience, loader()).await.ok(),
                    None => Some(loader().await),
                };
                Box::pin(self.replace(load, plan, errors, known, brought)).await
            }
        }
    }

    /// As [`Core::get_or_load`], with a loader that runs in the background where there is something
    /// to answer meanwhile.
    pub(crate) async fn get_or_load_in_background<T, R, F, Fut>(
        self: &Arc<Self>,
        open: Box<Open<T>>,
        plan: Plan<'_>,
        errors: impl Errors<R> + Send + 'static,
        loader: F,
    ) -> R
    where
        T: CacheValue,
        R: Loaded<T> + Send + 'static,
        F: FnOnce() -> Fut + Send + 'static,
        Fut: Future<Output = R> + Send + 'static,
    {
        let (load, known) = match self.look::<T, R>(open, plan, errors).await {
            Looked::Answer(answer) => return answer,
            Looked::Load(load) => {
                let brought = loader().await;
                return Box::pin(self.keep(load, plan, errors, brought)).await;
            }
            Looked::Refresh(load, known) => (load, known),
        };
        let (tell, told) = oneshot::channel();
        let (core, value) = (Arc::clone(self), known.value.clone());
        let (policy, tags) = (*plan.policy, plan.tags.clone());
        let task = async move {
            let plan = Plan { policy: &policy, tags: &tags };
            let Some(load) = core.claim(load, plan).await else { return };
            let brought = timeout(plan.background_timeout(), loader()).await.ok();
            // Whoever asked may have had its answer already.
            _ = tell.send(core.replace(load, plan, errors, known, brought).await);
        };
        match current::scoped() {
            Some(cache) => self.spawn(current::scope(cache, task)),
            None => self.spawn(task),
        }
        let replaced = match plan.patience() {
            Some(patience) => timeout(patience, told).await.ok().and_then(Result::ok),
            None => None,
        };
        replaced.unwrap_or_else(|| R::from_value(value))
    }

    /// The twin of [`Core::get_or_load`] for synchronous loaders.
    pub(crate) fn get_or_load_blocking<T: CacheValue, R: Loaded<T>>(
        &self,
        open: Box<Open<T>>,
        plan: Plan<'_>,
        errors: impl Errors<R>,
        loader: impl FnOnce() -> R,
    ) -> R {
        let executor = match self.executor() {
            Ok(executor) => executor,
            Err(error) => return errors.refuse(&error).unwrap_or_else(loader),
        };
        let looked = executor.block_on(self.look(open, plan, errors));
        match looked {
            Looked::Answer(answer) => answer,
            Looked::Load(load) => {
                let brought = loader();
                executor.block_on(self.keep(load, plan, errors, brought))
            }
            Looked::Refresh(load, known) => {
                let brought = Some(loader());
                executor.block_on(self.replace(load, plan, errors, known, brought))
            }
        }
    }

    /// Runs the loader whatever is known, and keeps what it brings.
    pub(crate) async fn refresh<T, R, F, Fut>(
        &self,
        key: &KeyBuf,
        plan: Plan<'_>,
        errors: impl Errors<R>,
        loader: F,
    ) -> R
    where
        T: CacheValue,
        R: Loaded<T>,
        F: FnOnce() -> Fut,
        Fut: Future<Output = R>,
    {
        let load = self.seize(Key::from(key), plan).await;
        self.keep(load, plan, errors, loader().await).await
    }

    /// The twin of [`Core::refresh`] for synchronous loaders.
    pub(crate) fn refresh_blocking<T: CacheValue, R: Loaded<T>>(
        &self,
        key: &KeyBuf,
        plan: Plan<'_>,
        errors: impl Errors<R>,
        loader: impl FnOnce() -> R,
    ) -> R {
        let Ok(executor) = self.executor() else { return loader() };
        let load = executor.block_on(self.seize(Key::from(key), plan));
        let brought = loader();
        executor.block_on(self.keep(load, plan, errors, brought))
    }

    /// Keeps what the loader brought, as far as it may be kept, and returns it.
    async fn keep<T: CacheValue, R: Loaded<T>>(
        &self,
        load: Load,
        plan: Plan<'_>,
        errors: impl Errors<R>,
        brought: R,
    ) -> R {
        let ttl = brought.ttl();
        self.keep_produced(load, plan, errors, brought.produced(), ttl).await
    }

    async fn keep_produced<T: CacheValue, R: Loaded<T>>(
        &self,
        load: Load,
        plan: Plan<'_>,
        errors: impl Errors<R>,
        produced: Produced<T, R>,
        ttl: Option<Ttl>,
    ) -> R {
        self.counters.loads.add_one();
        let policy = ttl.map_or(*plan.policy, |ttl| plan.policy.ttl(ttl));
        let plan = Plan { policy: &policy, ..plan };
        let Load { key, right, leader, generation, began, moment, tags, forced } = load;
        let (outcome, found, answer) = match produced {
            Produced::Value(value) => {
                let took = self.clock.now().saturating_duration_since(began);
                let outcome = self.outcome(&value, plan, &tags, took);
                (outcome, Found::Value(value.clone()), R::from_value(value))
            }
            Produced::Absent(answer) => (Self::absent(plan, &tags), Found::Absent, answer),
            Produced::Uncached(answer) => {
                self.counters.uncached_loads.add_one();
                self.refreshes.note_in_vain(&key, plan.throttle_time());
                // Whoever looks next is to find the lease free.
                right.release().await;
                if let Some(leader) = leader {
                    leader.fail(errors.pack(&answer));
                }
                return answer;
            }
        };
        if !matches!(outcome, Outcome::Keep(..)) {
            self.refreshes.note_in_vain(&key, plan.throttle_time());
        }
        let near = plan.near_time();
        let done = Done { key, right, generation, began: moment, outcome, near, forced };
        let filled = self.fill(done).await;
        let holds = if plan.has_tags() { moment } else { filled };
        if let Some(leader) = leader {
            leader.land(found, holds);
        }
        answer
    }

    /// Keeps what a refresh brought and returns it, or what was known where it brought nothing:
    /// `None` for a loader that took too long.
    async fn replace<T: CacheValue, R: Loaded<T>>(
        &self,
        load: Load,
        plan: Plan<'_>,
        errors: impl Errors<R>,
        known: Known<T>,
        brought: Option<R>,
    ) -> R {
        self.counters.refreshes.add_one();
        let gave_up = brought.is_none();
        let ttl = brought.as_ref().and_then(R::ttl);
        match brought.map(R::produced) {
            Some(produced @ (Produced::Value(_) | Produced::Absent(_))) => {
                let answer = self.keep_produced(load, plan, errors, produced, ttl).await;
                known.refresh.succeed();
                answer
            }
            failed => {
                self.counters.loads.add_one();
                if failed.is_some() {
                    self.counters.uncached_loads.add_one();
                }
                self.counters.failed_refreshes.add_one();
                self.tell(&Event::RefreshFailed { key: &load.key, gave_up });
                R::from_value(known.value)
            }
        }
    }

    /// Says what is to be kept of a value that took so long to load.
    pub(super) fn outcome<T: CacheValue>(
        &self,
        value: &T,
        plan: Plan<'_>,
        tags: &TagGenerations,
        took: Duration,
    ) -> Outcome {
        self.encoded(value, plan, tags, took).unwrap_or(Outcome::Nothing)
    }

    /// Says so, or why the value cannot be kept.
    pub(super) fn encoded<T: CacheValue>(
        &self,
        value: &T,
        plan: Plan<'_>,
        tags: &TagGenerations,
        took: Duration,
    ) -> Result<Outcome> {
        let stored = plan.seal(tags, self.encode(value.clone(), plan.policy, Some(took))?);
        Ok(stored.map_or(Outcome::Nothing, |stored| Outcome::Keep(stored, plan.stored_ttl())))
    }

    /// Says what is to be kept where there is no value.
    pub(super) fn absent(plan: Plan<'_>, tags: &TagGenerations) -> Outcome {
        let Some(ttl) = plan.none_ttl() else { return Outcome::Gone };
        match plan.seal(tags, absence()) {
            Some(stored) => Outcome::Keep(stored, ttl),
            None => Outcome::Nothing,
        }
    }
}
