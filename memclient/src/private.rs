//! The only names that generated code uses. Not for people: all of it may change with every
//! release.

use std::{
    future::Future,
    marker::PhantomData,
    ops::Deref,
    sync::{Arc, LazyLock},
};

#[cfg(feature = "bincode")]
pub use memclient_serde::Bincode;
#[cfg(any(feature = "bincode", feature = "json"))]
pub use memclient_serde::DefaultCodec;
#[cfg(feature = "json")]
pub use memclient_serde::Json;
use memclient_serde::KeyBuf;
pub use memclient_serde::{
    __private::{decode_with, encode_with},
    CacheKey, CacheValue, Codec, DecodeError, EncodeError, KeyGroup, KeyWriter, Payload, Schema,
    SchemaWriter,
};
pub use serde::{Serialize, de::DeserializeOwned};

pub use crate::{
    cache::{Cache, CachedFn, Policy},
    error::Error,
    wire::Key,
};
use crate::{
    cache::{Core, Found, Loaded, Plan},
    error::Result,
};

/// The cache of a call.
#[derive(Debug)]
pub enum CallCache {
    Installed(Arc<Cache>),
    Named(Cache),
}

impl Deref for CallCache {
    type Target = Cache;

    fn deref(&self) -> &Cache {
        match self {
            Self::Installed(cache) => cache,
            Self::Named(cache) => cache,
        }
    }
}

/// The cache of a function that names none.
pub fn installed() -> CallCache {
    CallCache::Installed(Cache::current_here())
}

/// What `cache = ..` may name.
#[diagnostic::on_unimplemented(
    message = "`cache = ..` needs a `Cache`, not `{Self}`",
    note = "name a `Cache`, a reference to one, or a static `LazyLock<Cache>`"
)]
pub trait CacheRef {
    fn cache(&self) -> Cache;
}

impl CacheRef for Cache {
    fn cache(&self) -> Cache {
        self.clone()
    }
}

impl<C: CacheRef + ?Sized> CacheRef for &C {
    fn cache(&self) -> Cache {
        (**self).cache()
    }
}

impl<C: CacheRef + ?Sized> CacheRef for Arc<C> {
    fn cache(&self) -> Cache {
        (**self).cache()
    }
}

impl<C: CacheRef, F: FnOnce() -> C> CacheRef for LazyLock<C, F> {
    fn cache(&self) -> Cache {
        (**self).cache()
    }
}

pub fn cache_ref(cache: &(impl CacheRef + ?Sized)) -> CallCache {
    CallCache::Named(cache.cache())
}

/// The shape of a return type: what of it is kept, and what is found again.
pub trait Outcome: Copy + Send + Sync {
    type Return: Loaded<Self::Value>;
    type Value: CacheValue;
    /// What is found: the value, or `Option` of it where "there is none" can be found too.
    type Found;

    fn found(value: Option<Self::Value>) -> Option<Self::Found>;
}

/// A value as the companion's `put` takes it.
pub trait Takes<V>: Outcome {
    /// `None` for an error, which is not to be kept.
    fn take(value: &V) -> Option<Option<&Self::Value>>;
}

/// What is found, as the companion's `peek` gives it.
pub trait Gives<V>: Outcome {
    fn give(found: Self::Found) -> Option<V>;
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

macro_rules! outcomes {
    ($($name:ident<$($parameter:ident),*>,)*) => {$(
        #[derive(Debug)]
        pub struct $name<$($parameter),*>(PhantomData<fn() -> ($($parameter,)*)>);

        impl<$($parameter),*> Clone for $name<$($parameter),*> {
            fn clone(&self) -> Self {
                *self
            }
        }

        impl<$($parameter),*> Copy for $name<$($parameter),*> {}
    )*};
}

outcomes! {
    Plain<T>,
    Optional<T>,
    Fallible<T, E>,
    FallibleOptional<T, E>,
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
}

impl<T: CacheValue, E> Outcome for FallibleOptional<T, E> {
    type Return = Result<Option<T>, E>;
    type Value = T;
    type Found = Option<T>;

    fn found(value: Option<T>) -> Option<Option<T>> {
        Some(value)
    }
}

impl<T: CacheValue> MayBeAbsent for Optional<T> {}
impl<T: CacheValue, E> MayBeAbsent for FallibleOptional<T, E> {}

// An alias hides from the macro what the return type is; then `put` and `peek` speak of the whole
// of it.

impl<T: CacheValue> Takes<T> for Plain<T> {
    fn take(value: &T) -> Option<Option<&T>> {
        Some(Some(value))
    }
}

impl<T: CacheValue> Takes<T> for Optional<T> {
    fn take(value: &T) -> Option<Option<&T>> {
        Some(Some(value))
    }
}

impl<T: CacheValue> Takes<Option<T>> for Optional<T> {
    fn take(value: &Option<T>) -> Option<Option<&T>> {
        Some(value.as_ref())
    }
}

impl<T: CacheValue, E> Takes<T> for Fallible<T, E> {
    fn take(value: &T) -> Option<Option<&T>> {
        Some(Some(value))
    }
}

impl<T: CacheValue, E> Takes<Result<T, E>> for Fallible<T, E> {
    fn take(value: &Result<T, E>) -> Option<Option<&T>> {
        value.as_ref().ok().map(Some)
    }
}

impl<T: CacheValue, E> Takes<T> for FallibleOptional<T, E> {
    fn take(value: &T) -> Option<Option<&T>> {
        Some(Some(value))
    }
}

impl<T: CacheValue, E> Takes<Option<T>> for FallibleOptional<T, E> {
    fn take(value: &Option<T>) -> Option<Option<&T>> {
        Some(value.as_ref())
    }
}

impl<T: CacheValue, E> Takes<Result<Option<T>, E>> for FallibleOptional<T, E> {
    fn take(value: &Result<Option<T>, E>) -> Option<Option<&T>> {
        value.as_ref().ok().map(Option::as_ref)
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

/// Finds the outcome of a return type, by type: the more specific shapes are nearer in
/// auto-referencing, so they are found first.
#[derive(Debug)]
pub struct Probe<R>(PhantomData<fn() -> R>);

impl<R> Probe<R> {
    #[expect(clippy::new_without_default, reason = "generated code needs nothing else")]
    pub const fn new() -> Self {
        Self(PhantomData)
    }
}

pub mod probe {
    //! One trait for each step of auto-referencing.

    use std::marker::PhantomData;

    use super::{Fallible, FallibleOptional, Optional, Plain, Probe};

    pub trait ProbeResultOption {
        type Outcome;
        fn outcome(&self) -> Self::Outcome;
    }

    pub trait ProbeResult {
        type Outcome;
        fn outcome(&self) -> Self::Outcome;
    }

    pub trait ProbeOption {
        type Outcome;
        fn outcome(&self) -> Self::Outcome;
    }

    pub trait ProbePlain {
        type Outcome;
        fn outcome(&self) -> Self::Outcome;
    }

    impl<T, E> ProbeResultOption for &&&Probe<Result<Option<T>, E>> {
        type Outcome = FallibleOptional<T, E>;
        fn outcome(&self) -> Self::Outcome {
            FallibleOptional(PhantomData)
        }
    }

    impl<T, E> ProbeResult for &&Probe<Result<T, E>> {
        type Outcome = Fallible<T, E>;
        fn outcome(&self) -> Self::Outcome {
            Fallible(PhantomData)
        }
    }

    impl<T> ProbeOption for &Probe<Option<T>> {
        type Outcome = Optional<T>;
        fn outcome(&self) -> Self::Outcome {
            Optional(PhantomData)
        }
    }

    impl<T> ProbePlain for Probe<T> {
        type Outcome = Plain<T>;
        fn outcome(&self) -> Self::Outcome {
            Plain(PhantomData)
        }
    }
}

/// One call of a cached function, or of its companion.
#[derive(Debug)]
pub struct Call<'a, O> {
    cache: &'a Cache,
    key: KeyBuf,
    plan: Plan<'a>,
    outcome: PhantomData<fn() -> O>,
}

pub fn call<'a, O: Outcome>(
    function: &'static CachedFn,
    cache: &'a Cache,
    _: O,
    policy: Policy,
    key: impl FnOnce(&mut KeyWriter),
) -> Call<'a, O> {
    let core = cache.core();
    let key = core.key(function.head::<O::Value>(), key);
    Call { cache, key, plan: core.plan(policy), outcome: PhantomData }
}

impl<O: Outcome> Call<'_, O> {
    // By reference, as a call is large and a hit quick.
    pub async fn get_or_load<F, Fut>(&self, loader: F) -> O::Return
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = O::Return>,
    {
        self.cache.core().get_or_load(&self.key, self.plan, None, loader).await
    }

    pub fn get_or_load_blocking(&self, loader: impl FnOnce() -> O::Return) -> O::Return {
        self.cache.core().get_or_load_blocking(&self.key, self.plan, None, loader)
    }

    pub async fn refresh<F, Fut>(self, loader: F) -> O::Return
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = O::Return>,
    {
        self.cache.core().refresh(&self.key, self.plan, None, loader).await
    }

    pub fn refresh_blocking(self, loader: impl FnOnce() -> O::Return) -> O::Return {
        self.cache.core().refresh_blocking(&self.key, self.plan, None, loader)
    }

    pub async fn peek<V>(self) -> Result<Option<V>>
    where
        O: Gives<V>,
    {
        Ok(self
            .cache
            .core()
            .peek(&self.key, self.plan)
            .await?
            .map(Found::into_value)
            .and_then(O::found)
            .and_then(O::give))
    }

    pub fn peek_blocking<V>(self) -> Result<Option<V>>
    where
        O: Gives<V>,
    {
        Core::blocking(self.peek())
    }

    pub async fn put<V>(self, value: &V) -> Result<()>
    where
        O: Takes<V>,
    {
        let value = O::take(value).ok_or_else(|| Error::config("an error is no value to keep"))?;
        self.cache.core().put(&self.key, self.plan, value.cloned()).await
    }

    pub fn put_blocking<V>(self, value: &V) -> Result<()>
    where
        O: Takes<V>,
    {
        Core::blocking(self.put(value))
    }

    pub async fn invalidate(self) -> Result<()> {
        self.cache.core().invalidate(&self.key, self.plan).await
    }

    pub fn invalidate_blocking(self) -> Result<()> {
        Core::blocking(self.invalidate())
    }

    pub fn key(self) -> Key {
        Key::from(&self.key)
    }
}
