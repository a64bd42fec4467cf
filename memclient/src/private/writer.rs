//! What stands behind a writer: `#[invalidates(..)]` and `#[cache_put(..)]`.

use std::future::Future;

use memclient_serde::CacheValue;

use super::{
    entry::{Entry, Target},
    outcome::{Fallible, FallibleOptional, Holds, Optional, Plain, Takes},
    tag::TagText,
};
use crate::{
    cache::{Cache, Core},
    wire::Ttl,
};

/// The shape of what a writer returns, for whether it succeeded.
pub trait Ends<R>: Copy {
    fn succeeded(self, returned: &R) -> bool;
}

impl<T> Ends<T> for Plain<T> {
    fn succeeded(self, _: &T) -> bool {
        true
    }
}

impl<T> Ends<Option<T>> for Optional<T> {
    fn succeeded(self, _: &Option<T>) -> bool {
        true
    }
}

impl<T, E> Ends<Result<T, E>> for Fallible<T, E> {
    fn succeeded(self, returned: &Result<T, E>) -> bool {
        returned.is_ok()
    }
}

impl<T, E> Ends<Result<Option<T>, E>> for FallibleOptional<T, E> {
    fn succeeded(self, returned: &Result<Option<T>, E>) -> bool {
        returned.is_ok()
    }
}

/// A return type that can say that the writer failed.
#[diagnostic::on_unimplemented(
    message = "`when = Ok` and `when = Err` are for functions that return a `Result`",
    label = "the function returns no `Result`",
    note = "leave out `when`"
)]
pub trait MayFail {}

impl<T, E> MayFail for Fallible<T, E> {}
impl<T, E> MayFail for FallibleOptional<T, E> {}

pub fn may_fail<O: MayFail>(outcome: O) -> O {
    outcome
}

/// Runs the body of a synchronous writer.
pub fn run<R>(body: impl FnOnce() -> R) -> R {
    body()
}

/// Removes an entry whose value was written anew elsewhere. A failure is counted and told by the
/// cache; the writer has succeeded all the same.
pub async fn invalidate_entry(target: Target) {
    if target.is_owned() {
        _ = target.invalidate().await;
    }
}

pub fn invalidate_entry_blocking(target: &Target) {
    if target.is_owned() {
        _ = target.invalidate_blocking();
    }
}

/// Returns the tag whose entries a writer ends.
pub fn tag_target(text: &(impl TagText + ?Sized)) -> String {
    text.text().to_owned()
}

/// Ends all entries of a tag in the program's cache. A failure is counted and told by the cache; the
/// writer has succeeded all the same.
pub async fn invalidate_tag(tag: String) {
    _ = Cache::current().invalidate_tag(&tag).await;
}

pub fn invalidate_tag_blocking(tag: String) {
    let cache = Cache::current();
    _ = Core::blocking(async move { cache.invalidate_tag(&tag).await });
}

/// Keeps what a writer returned, if there is a value in it; where that fails, at least what was
/// kept before it goes. The future holds nothing of what was returned.
pub fn put<O: Takes<V>, V, R: Holds<V>>(
    target: Target,
    _: O,
    returned: &R,
) -> impl Future<Output = ()> + Send + use<O, V, R> {
    keep(target, returned.held().and_then(O::take))
}

/// Has a value that was returned live for so long in the entry.
#[must_use]
pub fn living<V, L: Into<Ttl>>(
    target: Target,
    returned: &impl Holds<V>,
    life: impl FnOnce(&V) -> L,
) -> Target {
    match returned.held() {
        Some(value) => Target { policy: target.policy.ttl(life(value)), ..target },
        None => target,
    }
}

/// As [`put`], for an entry whose shape is known.
pub fn put_entry<O: Takes<V>, V, R: Holds<V>>(
    entry: Entry<O>,
    returned: &R,
) -> impl Future<Output = ()> + Send + use<O, V, R> {
    let value = returned.held().and_then(O::take);
    keep(entry.into_target(), value)
}

pub fn put_blocking<O: Takes<V>, V>(target: &Target, _: O, returned: &impl Holds<V>) {
    keep_blocking(target, returned.held().and_then(O::take));
}

pub fn put_entry_blocking<O: Takes<V>, V>(entry: Entry<O>, returned: &impl Holds<V>) {
    keep_blocking(&entry.into_target(), returned.held().and_then(O::take));
}

#[expect(clippy::option_option, reason = "nothing to keep is not the same as `None` to keep")]
async fn keep<T: CacheValue>(target: Target, value: Option<Option<T>>) {
    let Some(value) = value else { return };
    if target.is_owned() && target.put(value).await.is_err() {
        _ = target.invalidate().await;
    }
}

#[expect(clippy::option_option, reason = "nothing to keep is not the same as `None` to keep")]
fn keep_blocking<T: CacheValue>(target: &Target, value: Option<Option<T>>) {
    let Some(value) = value else { return };
    if target.is_owned() && Core::blocking(target.put(value)).is_err() {
        _ = target.invalidate_blocking();
    }
}
