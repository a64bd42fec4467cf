//! The cache of the program.

use std::{
    cell::RefCell,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
};

use arc_swap::ArcSwapOption;

use super::{Cache, CacheBuilder};

static INSTALLED: ArcSwapOption<Cache> = ArcSwapOption::const_empty();
static DEFAULT: OnceLock<Cache> = OnceLock::new();

/// Counts the installations, so that a thread sees that its copy is out of date.
static INSTALLATIONS: AtomicU64 = AtomicU64::new(0);

thread_local! {
    static HERE: RefCell<Option<(u64, Arc<Cache>)>> = const { RefCell::new(None) };
}

pub(super) fn get() -> Cache {
    match &*INSTALLED.load() {
        Some(cache) => Cache::clone(cache),
        None => DEFAULT.get_or_init(CacheBuilder::in_process).clone(),
    }
}

/// Returns the same as [`get`], counted by references of this thread's own: calls on many threads
/// do not meet in one counter. A thread lets go of a cache that was replaced when it next asks.
pub(super) fn here() -> Arc<Cache> {
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

pub(super) fn set(cache: Cache) {
    INSTALLED.store(Some(Arc::new(cache)));
    INSTALLATIONS.fetch_add(1, Ordering::Release);
}
