//! The cache of a call: the program's, or the one that the function names.

use std::{
    ops::Deref,
    sync::{Arc, LazyLock},
};

use crate::cache::Cache;

/// The cache that a call asks for.
#[derive(Debug)]
pub enum CallCache {
    /// The program's.
    Installed,
    Named(Cache),
}

/// The cache of a call that goes on beyond what is at hand.
#[derive(Debug)]
pub(super) enum HeldCache {
    /// By a reference of the thread's.
    Installed(Arc<Cache>),
    Named(Cache),
}

impl Deref for HeldCache {
    type Target = Cache;

    fn deref(&self) -> &Cache {
        match self {
            Self::Installed(cache) => cache,
            Self::Named(cache) => cache,
        }
    }
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
