use std::{fmt, sync::Arc};

use memclient_serde::CacheValue;

use super::flight::Shared;
use crate::wire::Ttl;

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

impl<R> Share<R> {
    pub(super) fn pack(self, answer: &R) -> Shared {
        (self.pack)(answer)
    }

    pub(super) fn unpack(self, shared: &Shared) -> Option<R> {
        (self.unpack)(shared)
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
