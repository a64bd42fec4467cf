//! The shapes that a return type may have: what of it is kept, what is found again, and what the
//! companion's `put` and `peek` speak of.

use std::marker::PhantomData;

use memclient_serde::CacheValue;

use crate::{
    cache::{Loaded, Share},
    error::{Error, Result},
};

/// The shape of a return type: what of it is kept, and what is found again.
pub trait Outcome: Copy + Send + Sync {
    type Return: Loaded<Self::Value>;
    type Value: CacheValue;
    /// What is found: the value, or `Option` of it where "there is none" can be found too.
    type Found;

    fn found(value: Option<Self::Value>) -> Option<Self::Found>;

    /// How callers who wait for one load share its error, where its type lets them.
    fn share(self) -> Option<Share<Self::Return>> {
        None
    }

    /// What is returned where the cache cannot be reached; `None` where the function is to run.
    fn refuse(self) -> Option<fn(Error) -> Self::Return> {
        None
    }
}

/// A value as the companion's `put` takes it.
pub trait Takes<V>: Outcome {
    /// `None` for an error, which is not to be kept.
    fn take(value: &V) -> Option<Option<Self::Value>>;
}

/// What is found, as the companion's `peek` gives it.
pub trait Gives<V>: Outcome {
    fn give(found: Self::Found) -> Option<V>;
}

/// A result that has a value of the type `V` in it, or is one.
#[diagnostic::on_unimplemented(
    message = "`{Self}` holds no `{V}`",
    note = "what is returned must be a `{V}`, or `Result` or `Option` of it"
)]
pub trait Holds<V> {
    fn held(&self) -> Option<&V>;
}

/// A return type that can say "there is none".
#[diagnostic::on_unimplemented(
    message = "`none = ..` is for functions that may return `None`",
    label = "the function returns no `Option`",
    note = "return `Option<T>` or `Result<Option<T>, E>`, or leave out `none`"
)]
pub trait MayBeAbsent: Outcome {}

pub fn may_be_absent<O: MayBeAbsent>(outcome: O) -> O {
    outcome
}

/// What `on_error = "cache"` makes of a function's result: all of it is kept.
pub fn whole<O: Whole>(_: O) -> Plain<O::Return> {
    Plain(PhantomData)
}

/// A return type whose errors can be kept too.
#[diagnostic::on_unimplemented(
    message = "`on_error = \"cache\"` is for functions that may return `Err`",
    label = "the function returns no `Result`",
    note = "return `Result<T, E>`, or leave out `on_error`"
)]
pub trait Whole {
    type Return;
}

impl<T, E> Whole for Fallible<T, E> {
    type Return = Result<T, E>;
}

impl<T, E> Whole for FallibleOptional<T, E> {
    type Return = Result<Option<T>, E>;
}

impl<T> Optional<T> {
    pub(super) const fn new() -> Self {
        Self(PhantomData)
    }
}

macro_rules! outcomes {
    ($($name:ident<$($parameter:ident),*>($content:ty),)*) => {$(
        #[derive(Debug)]
        pub struct $name<$($parameter),*>(pub(super) $content);

        impl<$($parameter),*> Clone for $name<$($parameter),*> {
            fn clone(&self) -> Self {
                *self
            }
        }

        impl<$($parameter),*> Copy for $name<$($parameter),*> {}
    )*};
}

outcomes! {
    Plain<T>(PhantomData<fn() -> T>),
    Optional<T>(PhantomData<fn() -> T>),
    Fallible<T, E>(Option<Share<Result<T, E>>>),
    FallibleOptional<T, E>(Option<Share<Result<Option<T>, E>>>),
}

impl<T: CacheValue> Outcome for Plain<T> {
    type Return = T;
    type Value = T;
    type Found = T;

    fn found(value: Option<T>) -> Option<T> {
        value
    }
}

impl<T: CacheValue> Outcome for Optional<T> {
    type Return = Option<T>;
    type Value = T;
    type Found = Option<T>;

    fn found(value: Option<T>) -> Option<Option<T>> {
        Some(value)
    }
}

impl<T: CacheValue, E> Outcome for Fallible<T, E> {
    type Return = Result<T, E>;
    type Value = T;
    type Found = T;

    fn found(value: Option<T>) -> Option<T> {
        value
    }

    fn share(self) -> Option<Share<Self::Return>> {
        self.0
    }
}

impl<T: CacheValue, E> Outcome for FallibleOptional<T, E> {
    type Return = Result<Option<T>, E>;
    type Value = T;
    type Found = Option<T>;

    fn found(value: Option<T>) -> Option<Option<T>> {
        Some(value)
    }

    fn share(self) -> Option<Share<Self::Return>> {
        self.0
    }
}

impl<T: CacheValue> MayBeAbsent for Optional<T> {}
impl<T: CacheValue, E> MayBeAbsent for FallibleOptional<T, E> {}

// An alias hides from the macro what the return type is; then `put` and `peek` speak of the whole
// of it.

impl<T: CacheValue> Takes<T> for Plain<T> {
    fn take(value: &T) -> Option<Option<T>> {
        Some(Some(value.clone()))
    }
}

impl<T: CacheValue> Takes<T> for Optional<T> {
    fn take(value: &T) -> Option<Option<T>> {
        Some(Some(value.clone()))
    }
}

impl<T: CacheValue> Takes<Option<T>> for Optional<T> {
    fn take(value: &Option<T>) -> Option<Option<T>> {
        Some(value.clone())
    }
}

impl<T: CacheValue, E> Takes<T> for Fallible<T, E> {
    fn take(value: &T) -> Option<Option<T>> {
        Some(Some(value.clone()))
    }
}

impl<T: CacheValue, E> Takes<Result<T, E>> for Fallible<T, E> {
    fn take(value: &Result<T, E>) -> Option<Option<T>> {
        value.as_ref().ok().map(|value| Some(value.clone()))
    }
}

impl<T: CacheValue, E> Takes<T> for FallibleOptional<T, E> {
    fn take(value: &T) -> Option<Option<T>> {
        Some(Some(value.clone()))
    }
}

impl<T: CacheValue, E> Takes<Option<T>> for FallibleOptional<T, E> {
    fn take(value: &Option<T>) -> Option<Option<T>> {
        Some(value.clone())
    }
}

impl<T: CacheValue, E> Takes<Result<Option<T>, E>> for FallibleOptional<T, E> {
    fn take(value: &Result<Option<T>, E>) -> Option<Option<T>> {
        value.as_ref().ok().cloned()
    }
}

impl<T: CacheValue> Gives<T> for Plain<T> {
    fn give(found: T) -> Option<T> {
        Some(found)
    }
}

impl<T: CacheValue> Gives<T> for Optional<T> {
    fn give(found: Option<T>) -> Option<T> {
        found
    }
}

impl<T: CacheValue> Gives<Option<T>> for Optional<T> {
    fn give(found: Option<T>) -> Option<Option<T>> {
        Some(found)
    }
}

impl<T: CacheValue, E> Gives<T> for Fallible<T, E> {
    fn give(found: T) -> Option<T> {
        Some(found)
    }
}

impl<T: CacheValue, E> Gives<Result<T, E>> for Fallible<T, E> {
    fn give(found: T) -> Option<Result<T, E>> {
        Some(Ok(found))
    }
}

impl<T: CacheValue, E> Gives<T> for FallibleOptional<T, E> {
    fn give(found: Option<T>) -> Option<T> {
        found
    }
}

impl<T: CacheValue, E> Gives<Option<T>> for FallibleOptional<T, E> {
    fn give(found: Option<T>) -> Option<Option<T>> {
        Some(found)
    }
}

impl<T: CacheValue, E> Gives<Result<Option<T>, E>> for FallibleOptional<T, E> {
    fn give(found: Option<T>) -> Option<Result<Option<T>, E>> {
        Some(Ok(found))
    }
}

impl<V> Holds<V> for V {
    fn held(&self) -> Option<&V> {
        Some(self)
    }
}

impl<V> Holds<V> for &V {
    fn held(&self) -> Option<&V> {
        Some(self)
    }
}

impl<V> Holds<V> for Option<V> {
    fn held(&self) -> Option<&V> {
        self.as_ref()
    }
}

impl<V, E> Holds<V> for Result<V, E> {
    fn held(&self) -> Option<&V> {
        self.as_ref().ok()
    }
}

impl<V, E> Holds<V> for Result<Option<V>, E> {
    fn held(&self) -> Option<&V> {
        self.as_ref().ok().and_then(Option::as_ref)
    }
}
