//! The cache of the program, and that of a task in its place.

use std::{
    cell::RefCell,
    future::Future,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
};

use arc_swap::ArcSwapOption;

use super::{Cache, CacheBuilder};

static INSTALLED: ArcSwapOption<Cache> = ArcSwapOption::const_empty();
static DEFAULT: OnceLock<Cache> = OnceLock::new();

/// Counts the installations, so that a thread sees that its copy is out of date.
static INSTALLATIONS: AtomicU64 = AtomicU64::new(0);

/// How many scopes there are: where there is none, calls need not look for theirs.
static SCOPES: AtomicUsize = AtomicUsize::new(0);

tokio::task_local! {
    static SCOPE: Arc<Cache>;
}

thread_local! {
    static HERE: RefCell<Option<(u64, Arc<Cache>)>> = const { RefCell::new(None) };
}

pub(super) fn get() -> Cache {
    if let Some(cache) = scoped() {
        return Cache::clone(&cache);
    }
    match &*INSTALLED.load() {
        Some(cache) => Cache::clone(cache),
        None => DEFAULT.get_or_init(CacheBuilder::in_process).clone(),
    }
}

/// Lends the same as [`get`]. Threads have references of their own, so that their calls do not meet
/// in one counter. A thread lets go of a cache that was replaced when it next asks.
#[inline]
pub(super) fn with<R>(call: impl FnOnce(&Arc<Cache>) -> R) -> R {
    if let Some(cache) = scoped() {
        return call(&cache);
    }
    let installations = INSTALLATIONS.load(Ordering::Acquire);
    let mut call = Some(call);
    let answer = HERE.try_with(|here| match &*here.try_borrow().ok()? {
        Some((seen, cache)) if *seen == installations => call.take().map(|call| call(cache)),
        _ => None,
    });
    match (answer, call) {
        (Ok(Some(answer)), _) => answer,
        (_, Some(call)) => call(&renewed(installations)),
        (_, None) => unreachable!("a call that was made has answered"),
    }
}

/// Returns a new reference, and leaves it to the thread unless that is about to end, or in the middle
/// of a call.
#[cold]
fn renewed(installations: u64) -> Arc<Cache> {
    let cache = Arc::new(get());
    let before = HERE
        .try_with(|here| here.try_borrow_mut().ok()?.replace((installations, Arc::clone(&cache))));
    // The end of a cache may run code of the program's own.
    drop(before);
    cache
}

/// Runs a future with this cache in the place of the program's.
pub(super) async fn scope<F: Future>(cache: Arc<Cache>, future: F) -> F::Output {
    let _open = Open::new();
    // Scopes are for tests, whose futures are large.
    SCOPE.scope(cache, Box::pin(future)).await
}

/// Runs a function with this cache in the place of the program's.
pub(super) fn scope_blocking<R>(cache: Arc<Cache>, function: impl FnOnce() -> R) -> R {
    let _open = Open::new();
    SCOPE.sync_scope(cache, function)
}

/// Returns the cache that stands in the place of the program's here, if one does.
#[inline]
pub(super) fn scoped() -> Option<Arc<Cache>> {
    if SCOPES.load(Ordering::Relaxed) == 0 {
        return None;
    }
    of_this_task()
}

#[cold]
fn of_this_task() -> Option<Arc<Cache>> {
    SCOPE.try_with(Arc::clone).ok()
}

/// An open scope.
struct Open;

impl Open {
    fn new() -> Self {
        SCOPES.fetch_add(1, Ordering::Relaxed);
        Self
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        SCOPES.fetch_sub(1, Ordering::Relaxed);
    }
}

pub(super) fn set(cache: Cache) {
    INSTALLED.store(Some(Arc::new(cache)));
    INSTALLATIONS.fetch_add(1, Ordering::Release);
}
