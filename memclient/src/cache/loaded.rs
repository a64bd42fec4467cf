use std::{fmt, sync::Arc};

use memclient_serde::CacheValue;

use super::flight::Shared;
use crate::{error::Error, wire::Ttl};

/// What a loader of a `T` may return: `T`, `Option<T>`, `Result<T, E>` or `Result<Option<T>, E>`.
///
/// Found by type, so that aliases of these mean the same. `Err` is never kept; `None` is kept where
/// the policy says how long ([`Policy::none`](crate::Policy::none)).
#[diagnostic::on_unimplemented(
    message = "a loader of `{T}` cannot return `{Self}`",
    note = "return `{T}`, `Option<{T}>`, `Result<{T}, E>` or `Result<Option<{T}>, E>`"
)]
pub trait Loaded<T>: Sized {
    /// Says what there is to keep.
    fn produced(self) -> Produced<T, Self>;

    /// Returns what the loader would have returned for this value.
    fn from_value(value: T) -> Self;

    /// Returns what the loader would have returned where there is none; `None` where it cannot say
    /// that.
    fn absent() -> Option<Self>;

    /// Returns for how long the value is kept, where that is not up to the policy.
    fn ttl(&self) -> Option<Ttl> {
        None
    }
}

/// A loader's result, by what is to be kept of it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Produced<T, R> {
    /// A value.
    Value(T),
    /// There is none, said in the loader's own return type.
    Absent(R),
    /// What is not to be kept, such as an error.
    Uncached(R),
}

impl<T, R: Loaded<T>> Produced<T, R> {
    /// Returns what the loader returned.
    pub fn into_answer(self) -> R {
        match self {
            Self::Value(value) => R::from_value(value),
            Self::Absent(answer) | Self::Uncached(answer) => answer,
        }
    }
}

/// How callers who wait for one load share an error of it.
pub struct Share<R> {
    pack: fn(&R) -> Shared,
    unpack: fn(&Shared) -> Option<R>,
}

impl<R: Clone + Send + Sync + 'static> Share<R> {
    pub(crate) fn by_clone() -> Self {
        Self {
            pack: |answer| Arc::new(answer.clone()),
            unpack: |shared| shared.downcast_ref::<R>().cloned(),
        }
    }
}

impl<R> Clone for Share<R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<R> Copy for Share<R> {}

impl<R> fmt::Debug for Share<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Share")
    }
}

/// How a call answers with an error that is not of its own loader.
pub(crate) trait Errors<R>: Copy {
    /// Returns the error of a load for those who wait for it; `None` where each is to find out for
    /// itself.
    fn pack(self, answer: &R) -> Option<Shared>;

    /// Returns the error of a load that the call has waited for, if it can be its own.
    fn unpack(self, shared: &Shared) -> Option<R>;

    /// Returns what is answered where the backend cannot be asked; `None` where the loader is to run.
    fn refuse(self, error: &Error) -> Option<R>;
}

/// The usual [`Errors`] of a call: which of them it has is known by the type of its result.
#[derive(Debug)]
pub(crate) struct CallErrors<R> {
    share: Option<Share<R>>,
    /// Absent where the loader is to run without the backend.
    refuse: Option<fn(Error) -> R>,
}

impl<R> CallErrors<R> {
    /// Those of a call that shares none, and whose loader runs where the backend cannot be asked.
    pub(crate) fn none() -> Self {
        Self::new(None, None)
    }

    /// Those that `share` hands to who waits for them, and `refuse` makes of a backend that cannot be
    /// asked.
    pub(crate) fn new(share: Option<Share<R>>, refuse: Option<fn(Error) -> R>) -> Self {
        Self { share, refuse }
    }
}

impl<R> Errors<R> for CallErrors<R> {
    fn pack(self, answer: &R) -> Option<Shared> {
        self.share.map(|share| (share.pack)(answer))
    }

    fn unpack(self, shared: &Shared) -> Option<R> {
        self.share.and_then(|share| (share.unpack)(shared))
    }

    fn refuse(self, error: &Error) -> Option<R> {
        self.refuse.map(|refuse| refuse(error.clone()))
    }
}

impl<R> Clone for CallErrors<R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<R> Copy for CallErrors<R> {}

impl<T: CacheValue> Loaded<T> for T {
    fn produced(self) -> Produced<T, Self> {
        Produced::Value(self)
    }

    fn from_value(value: T) -> Self {
        value
    }

    fn absent() -> Option<Self> {
        None
    }
}

impl<T: CacheValue> Loaded<T> for Option<T> {
    fn produced(self) -> Produced<T, Self> {
        self.map_or(Produced::Absent(None), Produced::Value)
    }

    fn from_value(value: T) -> Self {
        Some(value)
    }

    fn absent() -> Option<Self> {
        Some(None)
    }
}

impl<T: CacheValue, E> Loaded<T> for Result<T, E> {
    fn produced(self) -> Produced<T, Self> {
        match self {
            Ok(value) => Produced::Value(value),
            Err(error) => Produced::Uncached(Err(error)),
        }
    }

    fn from_value(value: T) -> Self {
        Ok(value)
    }

    fn absent() -> Option<Self> {
        None
    }
}

impl<T: CacheValue, E> Loaded<T> for Result<Option<T>, E> {
    fn produced(self) -> Produced<T, Self> {
        match self {
            Ok(Some(value)) => Produced::Value(value),
            Ok(None) => Produced::Absent(Ok(None)),
            Err(error) => Produced::Uncached(Err(error)),
        }
    }

    fn from_value(value: T) -> Self {
        Ok(Some(value))
    }

    fn absent() -> Option<Self> {
        Some(Ok(None))
    }
}
