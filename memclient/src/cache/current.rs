//! The cache of the program.

use std::sync::{Arc, OnceLock};

use arc_swap::ArcSwapOption;

use super::{Cache, CacheBuilder};

static INSTALLED: ArcSwapOption<Cache> = ArcSwapOption::const_empty();
static DEFAULT: OnceLock<Cache> = OnceLock::new();

pub(super) fn get() -> Cache {
    match &*INSTALLED.load() {
        Some(cache) => Cache::clone(cache),
        None => DEFAULT.get_or_init(CacheBuilder::in_process).clone(),
    }
}

pub(super) fn set(cache: Cache) {
    INSTALLED.store(Some(Arc::new(cache)));
}
