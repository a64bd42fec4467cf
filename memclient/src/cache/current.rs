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

/// Returns the same as [`get`], counted by references of this thread's own: calls on many threads
/// do not meet in one counter. A thread lets go of a cache that was replaced when it next asks.
pub(super) fn here() -> Arc<Cache> {
    if let Some(cache) = scoped() {
        return cache;
    }
    let installations = INSTALLATIONS.load(Ordering::Acquire);
    let known = HERE.try_with(|here| {
        let mut here = here.try_borrow_mut().ok()?;
        match &*here {
            Some((seen, cache)) if *seen == installations => Some(Arc::clone(cache)),
            _ => {
                let cache = Arc::new(get());
                let before = here.replace((installations, Arc::clone(&cache)));
                // The end of a cache may run code of the program's own.
                drop(here);
                drop(before);
                Some(cache)
            }
        }
    });
    // A thread that is about to end has no copy any more.
    known.ok().flatten().unwrap_or_else(|| Arc::new(get()))
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
pub(super) fn scoped() -> Option<Arc<Cache>> {
    if SCOPES.load(Ordering::Relaxed) == 0 {
        return None;
    }
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
