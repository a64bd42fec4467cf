//! A call of a cached function that answers for many keys at once.

use std::{
    collections::HashMap,
    future::{Future, ready},
    hash::Hash,
};

use memclient_serde::{CacheValue, KeyBuf};
use tokio::runtime::Handle;

use super::{
    entry::{Target, plan},
    outcome::{Gives, Optional, Takes},
};
use crate::{
    cache::{LoadedMany, Policy},
    error::Error,
};

/// What a function of many keys returns: the values by their keys, or an error for all.
#[diagnostic::on_unimplemented(
    message = "a function with `batch` cannot return `{Self}`",
    note = "return `HashMap<Id, T>` or `Result<HashMap<Id, T>, E>`"
)]
pub trait Batch: Sized {
    type Id: Clone + Eq + Hash;
    type Value: CacheValue;

    /// Returns the values; the error, as the function's own return type, where there are none.
    fn values(self) -> Result<HashMap<Self::Id, Self::Value>, Self>;

    fn from_values(values: HashMap<Self::Id, Self::Value>) -> Self;
}

#[expect(clippy::implicit_hasher, reason = "so that `collect` knows which map is meant")]
impl<I: Clone + Eq + Hash, T: CacheValue> Batch for HashMap<I, T> {
    type Id = I;
    type Value = T;

    fn values(self) -> Result<HashMap<I, T>, Self> {
        LoadedMany::values(self)
    }

    fn from_values(values: HashMap<I, T>) -> Self {
        LoadedMany::from_values(values)
    }
}

#[expect(clippy::implicit_hasher, reason = "so that `collect` knows which map is meant")]
impl<I: Clone + Eq + Hash, T: CacheValue, E> Batch for Result<HashMap<I, T>, E> {
    type Id = I;
    type Value = T;

    fn values(self) -> Result<HashMap<I, T>, Self> {
        LoadedMany::values(self)
    }

    fn from_values(values: HashMap<I, T>) -> Self {
        LoadedMany::from_values(values)
    }
}

/// The shape of each of the values: there may be none.
pub fn batch_outcome<R: Batch>() -> Optional<R::Value> {
    Optional::new()
}

/// An argument of a batch as the function of one key takes it.
pub trait Pass<To> {
    fn pass(self) -> To;
}

impl<T: Clone> Pass<T> for &T {
    fn pass(self) -> T {
        self.clone()
    }
}

impl<'a, T: ?Sized> Pass<&'a T> for &'a T {
    fn pass(self) -> &'a T {
        self
    }
}

impl<'a> Pass<&'a str> for &'a String {
    fn pass(self) -> &'a str {
        self
    }
}

impl<'a, T> Pass<&'a [T]> for &'a Vec<T> {
    fn pass(self) -> &'a [T] {
        self
    }
}

pub fn pass<To>(argument: impl Pass<To>) -> To {
    argument.pass()
}

/// Returns the entry of each key.
pub fn entries<I>(
    ids: impl IntoIterator<Item = I>,
    target: impl Fn(&I) -> Target,
) -> Vec<(I, Target)> {
    let entry = |id| {
        let target = target(&id);
        (id, target)
    };
    ids.into_iter().map(entry).collect()
}

/// Answers for many keys from what is kept, or from the loader, which gets those that are missing;
/// `refuse`, if there is one, says what is answered where the cache cannot be reached.
pub async fn get_or_load_many<O, R, F, Fut>(
    _: O,
    policy: Option<Policy>,
    refuse: Option<fn(Error) -> R>,
    mut entries: Vec<(R::Id, Target)>,
    loader: F,
) -> R
where
    R: Batch,
    O: Takes<R::Value> + Gives<R::Value>,
    F: Fn(Vec<R::Id>) -> Fut,
    Fut: Future<Output = R>,
{
    if let Some((_, first)) = entries.first()
        && !first.is_owned()
    {
        return loader(entries.into_iter().map(|(id, _)| id).collect()).await;
    }
    let loader = async |ids| match loader(ids).await.values() {
        Ok(values) => Ok(taken::<O, R>(values)),
        Err(failed) => Err(failed),
    };
    let refuse = refuse.map(|refuse| move |error| Err(refuse(error)));
    let mut found = HashMap::with_capacity(entries.len());
    while let Some((id, first)) = entries.pop() {
        // Those that have the same tags, which are nearly always all.
        let like = |(_, target): &mut (R::Id, Target)| target.tags == first.tags;
        let mut keys: Vec<(R::Id, KeyBuf)> =
            entries.extract_if(.., like).map(|(id, target)| (id, target.key)).collect();
        keys.push((id, first.key));
        let core = first.cache.core();
        let policy = policy.map_or(first.policy, |policy| policy.over(first.policy));
        let plan = plan(core, &policy, first.tags.as_ref());
        let answered = core.get_or_load_many::<O::Value, _, _, _, _>(keys, plan, refuse, &loader);
        match answered.await {
            Ok(values) => found.extend(given::<O, R>(values)),
            Err(failed) => return failed,
        }
    }
    R::from_values(found)
}

/// The twin of [`get_or_load_many`] for synchronous functions.
pub fn get_or_load_many_blocking<O, R>(
    outcome: O,
    policy: Option<Policy>,
    refuse: Option<fn(Error) -> R>,
    entries: Vec<(R::Id, Target)>,
    loader: impl Fn(Vec<R::Id>) -> R,
) -> R
where
    R: Batch,
    O: Takes<R::Value> + Gives<R::Value>,
{
    let Some((_, first)) = entries.first() else { return loader(Vec::new()) };
    let executor = match first.cache.core().executor() {
        Ok(executor) => executor,
        Err(error) => {
            let run = || loader(entries.into_iter().map(|(id, _)| id).collect());
            return refuse.map_or_else(run, |refuse| refuse(error));
        }
    };
    // The function runs on the caller's runtime, if there is one.
    let runtime = Handle::try_current().ok();
    let loader = |ids| {
        let _entered = runtime.as_ref().map(Handle::enter);
        ready(loader(ids))
    };
    executor.block_on(get_or_load_many(outcome, policy, refuse, entries, loader))
}

fn taken<O: Takes<R::Value>, R: Batch>(
    values: HashMap<R::Id, R::Value>,
) -> HashMap<R::Id, O::Value> {
    let take = |(id, value)| Some((id, O::take(&value)??));
    values.into_iter().filter_map(take).collect()
}

fn given<O: Gives<R::Value>, R: Batch>(
    values: HashMap<R::Id, O::Value>,
) -> impl Iterator<Item = (R::Id, R::Value)> {
    values.into_iter().filter_map(|(id, value)| Some((id, O::give(O::found(Some(value))?)?)))
}
