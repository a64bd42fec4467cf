//! What a call had no answer for at hand, and how it gets one.

use std::{fmt, future::Future};

use memclient_serde::CacheValue;

use super::{cache_ref::HeldCache, entry::plan, outcome::Outcome, verdict::Verdict};
use crate::{
    cache::{CallErrors, Errors, Loaded, Open, Policy, Produced, Shared, Tags},
    error::Error,
    wire::Ttl,
};

/// A call without an answer at hand.
pub struct Missed<O: Outcome> {
    outcome: O,
    /// `None` where another function has the entries.
    opened: Option<Box<Opened<O::Value>>>,
}

/// What is needed to get an answer.
pub(super) struct Opened<T> {
    pub(super) cache: HeldCache,
    /// Complete.
    pub(super) policy: Policy,
    pub(super) tags: Option<Tags>,
    pub(super) open: Box<Open<T>>,
}

impl<O: Outcome> Missed<O> {
    pub(super) fn new(outcome: O, opened: Option<Box<Opened<O::Value>>>) -> Self {
        Self { outcome, opened }
    }

    pub async fn get_or_load<F, Fut>(self, loader: F) -> O::Return
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = O::Return>,
    {
        match self.opened {
            Some(opened) => opened.load(errors(self.outcome), loader).await,
            None => loader().await,
        }
    }

    pub fn get_or_load_blocking(self, loader: impl FnOnce() -> O::Return) -> O::Return {
        match self.opened {
            Some(opened) => opened.load_blocking(errors(self.outcome), loader),
            None => loader(),
        }
    }

    /// As [`Missed::get_or_load`]; `judge` says whether and how long what is returned is kept.
    pub async fn get_or_load_if<F, Fut>(
        self,
        judge: impl FnOnce(&O::Return) -> Verdict,
        loader: F,
    ) -> O::Return
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = O::Return>,
    {
        match self.opened {
            Some(opened) => {
                let loader = || async move { Judged::by(judge, loader().await) };
                opened.load(JudgedErrors(errors(self.outcome)), loader).await.returned
            }
            None => loader().await,
        }
    }

    pub fn get_or_load_if_blocking(
        self,
        judge: impl FnOnce(&O::Return) -> Verdict,
        loader: impl FnOnce() -> O::Return,
    ) -> O::Return {
        match self.opened {
            Some(opened) => {
                let loader = || Judged::by(judge, loader());
                opened.load_blocking(JudgedErrors(errors(self.outcome)), loader).returned
            }
            None => loader(),
        }
    }

    /// As [`Missed::get_or_load`], with a loader that runs in the background where there is an entry
    /// to answer with.
    pub async fn get_or_load_in_background<F, Fut>(self, loader: F) -> O::Return
    where
        O::Return: Send + 'static,
        F: FnOnce() -> Fut + Send + 'static,
        Fut: Future<Output = O::Return> + Send + 'static,
    {
        match self.opened {
            Some(opened) => opened.load_in_background(errors(self.outcome), loader).await,
            None => loader().await,
        }
    }

    pub async fn get_or_load_in_background_if<F, Fut>(
        self,
        judge: impl FnOnce(&O::Return) -> Verdict + Send + 'static,
        loader: F,
    ) -> O::Return
    where
        O::Return: Send + 'static,
        F: FnOnce() -> Fut + Send + 'static,
        Fut: Future<Output = O::Return> + Send + 'static,
    {
        match self.opened {
            Some(opened) => {
                let loader = || async move { Judged::by(judge, loader().await) };
                opened.load_in_background(JudgedErrors(errors(self.outcome)), loader).await.returned
            }
            None => loader().await,
        }
    }
}

impl<O: Outcome> fmt::Debug for Missed<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Missed").finish_non_exhaustive()
    }
}

impl<T: CacheValue> Opened<T> {
    async fn load<R, F, Fut>(self: Box<Self>, errors: impl Errors<R>, loader: F) -> R
    where
        R: Loaded<T>,
        F: FnOnce() -> Fut,
        Fut: Future<Output = R>,
    {
        let Self { cache, policy, tags, open } = *self;
        let core = cache.core();
        core.get_or_load(open, plan(core, &policy, tags.as_ref()), errors, loader).await
    }

    fn load_blocking<R: Loaded<T>>(self, errors: impl Errors<R>, loader: impl FnOnce() -> R) -> R {
        let Self { cache, policy, tags, open } = self;
        let core = cache.core();
        core.get_or_load_blocking(open, plan(core, &policy, tags.as_ref()), errors, loader)
    }

    async fn load_in_background<R, F, Fut>(
        self: Box<Self>,
        errors: impl Errors<R> + Send + 'static,
        loader: F,
    ) -> R
    where
        R: Loaded<T> + Send + 'static,
        F: FnOnce() -> Fut + Send + 'static,
        Fut: Future<Output = R> + Send + 'static,
    {
        let Self { cache, policy, tags, open } = *self;
        let core = cache.shared();
        core.get_or_load_in_background(open, plan(core, &policy, tags.as_ref()), errors, loader)
            .await
    }
}

/// Returns the errors that a result of this shape may have besides those of its own loader.
fn errors<O: Outcome>(outcome: O) -> CallErrors<O::Return> {
    CallErrors::new(outcome.share(), outcome.refuse())
}

/// Those of a result that is judged.
struct JudgedErrors<R>(CallErrors<R>);

impl<R> Clone for JudgedErrors<R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<R> Copy for JudgedErrors<R> {}

impl<R> Errors<Judged<R>> for JudgedErrors<R> {
    fn pack(self, answer: &Judged<R>) -> Option<Shared> {
        // A value that is not to be kept is no error, and the caller's alone.
        if let Verdict::Leave = answer.verdict {
            return None;
        }
        self.0.pack(&answer.returned)
    }

    fn unpack(self, shared: &Shared) -> Option<Judged<R>> {
        self.0.unpack(shared).map(Judged::kept)
    }

    fn refuse(self, error: &Error) -> Option<Judged<R>> {
        self.0.refuse(error).map(Judged::kept)
    }
}

/// What a loader returned, with what is to become of it.
pub(super) struct Judged<R> {
    pub(super) returned: R,
    verdict: Verdict,
}

impl<R> Judged<R> {
    pub(super) fn by(judge: impl FnOnce(&R) -> Verdict, returned: R) -> Self {
        Self { verdict: judge(&returned), returned }
    }

    fn kept(returned: R) -> Self {
        Self { returned, verdict: Verdict::Keep }
    }
}

impl<T, R: Loaded<T>> Loaded<T> for Judged<R> {
    fn produced(self) -> Produced<T, Self> {
        if let Verdict::Leave = self.verdict {
            return Produced::Uncached(self);
        }
        match self.returned.produced() {
            Produced::Value(value) => Produced::Value(value),
            Produced::Absent(returned) => Produced::Absent(Self::kept(returned)),
            Produced::Uncached(returned) => Produced::Uncached(Self::kept(returned)),
        }
    }

    fn from_value(value: T) -> Self {
        Self::kept(R::from_value(value))
    }

    fn absent() -> Option<Self> {
        Some(Self::kept(R::absent()?))
    }

    fn ttl(&self) -> Option<Ttl> {
        match self.verdict {
            Verdict::KeepFor(ttl) => Some(ttl),
            Verdict::Leave | Verdict::Keep => None,
        }
    }
}
