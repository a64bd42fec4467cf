//! The shape of a return type, found by type: one trait for each step of auto-referencing, the more
//! specific shapes nearer, so that they are found first. Of results, those come first that callers can
//! share.

use std::marker::PhantomData;

use super::outcome::{Fallible, FallibleOptional, Optional, Plain};
use crate::cache::Share;

/// Asks for the shape of `R`: `(&&&&&&Probe::<R>::new()).__memclient_outcome()`.
#[derive(Debug)]
pub struct Probe<R>(PhantomData<fn() -> R>);

impl<R> Probe<R> {
    #[expect(clippy::new_without_default, reason = "generated code needs nothing else")]
    pub const fn new() -> Self {
        Self(PhantomData)
    }
}

pub trait ProbeSharedResultOption {
    type Outcome;
    fn __memclient_outcome(&self) -> Self::Outcome;
}

pub trait ProbeSharedResult {
    type Outcome;
    fn __memclient_outcome(&self) -> Self::Outcome;
}

pub trait ProbeResultOption {
    type Outcome;
    fn __memclient_outcome(&self) -> Self::Outcome;
}

pub trait ProbeResult {
    type Outcome;
    fn __memclient_outcome(&self) -> Self::Outcome;
}

pub trait ProbeOption {
    type Outcome;
    fn __memclient_outcome(&self) -> Self::Outcome;
}

pub trait ProbePlain {
    type Outcome;
    fn __memclient_outcome(&self) -> Self::Outcome;
}

impl<T, E> ProbeSharedResultOption for &&&&&Probe<Result<Option<T>, E>>
where
    Result<Option<T>, E>: Clone + Send + Sync + 'static,
{
    type Outcome = FallibleOptional<T, E>;
    fn __memclient_outcome(&self) -> Self::Outcome {
        FallibleOptional(Some(Share::by_clone()))
    }
}

impl<T, E> ProbeResultOption for &&&&Probe<Result<Option<T>, E>> {
    type Outcome = FallibleOptional<T, E>;
    fn __memclient_outcome(&self) -> Self::Outcome {
        FallibleOptional(None)
    }
}

impl<T, E> ProbeSharedResult for &&&Probe<Result<T, E>>
where
    Result<T, E>: Clone + Send + Sync + 'static,
{
    type Outcome = Fallible<T, E>;
    fn __memclient_outcome(&self) -> Self::Outcome {
        Fallible(Some(Share::by_clone()))
    }
}

impl<T, E> ProbeResult for &&Probe<Result<T, E>> {
    type Outcome = Fallible<T, E>;
    fn __memclient_outcome(&self) -> Self::Outcome {
        Fallible(None)
    }
}

impl<T> ProbeOption for &Probe<Option<T>> {
    type Outcome = Optional<T>;
    fn __memclient_outcome(&self) -> Self::Outcome {
        Optional(PhantomData)
    }
}

impl<T> ProbePlain for Probe<T> {
    type Outcome = Plain<T>;
    fn __memclient_outcome(&self) -> Self::Outcome {
        Plain(PhantomData)
    }
}
