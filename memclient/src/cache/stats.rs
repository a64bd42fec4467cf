use std::{
    fmt,
    ops::Deref,
    sync::atomic::{AtomicU64, AtomicUsize, Ordering},
};

macro_rules! stats {
    ($($(#[$doc:meta])* $name:ident: $label:literal,)*) => {
        /// What a cache has done, as counts since it was built.
        ///
        /// Displays as a table.
        #[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
        #[non_exhaustive]
        pub struct CacheStats {
            $($(#[$doc])* pub $name: u64,)*
        }

        impl CacheStats {
            /// Returns what has been done since `earlier`, a snapshot of the same cache.
            pub const fn since(self, earlier: Self) -> Self {
                Self { $($name: self.$name.saturating_sub(earlier.$name),)* }
            }
        }

        impl fmt::Display for CacheStats {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let rows = [$(($label, self.$name),)*];
                for (place, (label, count)) in rows.into_iter().enumerate() {
                    let end = if place == 0 { "" } else { "\n" };
                    write!(f, "{end}{label:<42}{count:>12}")?;
                }
                Ok(())
            }
        }

        /// The counters of some of the threads.
        #[derive(Debug, Default)]
        #[repr(align(128))]
        pub(crate) struct Shard {
            $(pub(crate) $name: Counter,)*
        }

        impl Counters {
            pub(crate) fn snapshot(&self) -> CacheStats {
                let mut stats = CacheStats::default();
                for shard in &self.shards {
                    $(stats.$name += shard.$name.0.load(Ordering::Relaxed);)*
                }
                stats
            }
        }
    };
}

stats! {
    /// Answers from this process's memory.
    near_hits: "answers from this process",
    /// Answers from the shared backend.
    far_hits: "answers from the shared backend",
    /// Of both, the answers "there is none".
    absent_hits: "of them \"there is none\"",
    /// Of both, the stale ones, within their grace.
    stale_hits: "of them stale",
    /// Lookups that found nothing.
    misses: "misses",
    /// Loader runs.
    loads: "loads",
    /// Loader runs whose result is not to be kept, such as an error.
    uncached_loads: "of them not to be kept",
    /// Loader runs that were to replace an entry which was still there: a stale one, or one about to
    /// end.
    refreshes: "of them to refresh an entry",
    /// Refreshes that failed or were given up; the stale entry was answered.
    failed_refreshes: "refreshes that failed",
    /// Times that this process waited for the load of another one.
    waits: "waits for another process",
    /// Loads whose result was not kept, because the entry was changed meanwhile or another process
    /// had begun to load it.
    lost_leases: "loads that came too late to be kept",
    /// Callers who got the result of a loader that another caller of this process ran.
    shared_loads: "answers from another caller's load",
    /// Entries written.
    stores: "entries written",
    /// Entries, tags and caches that were ended: removed, marked as stale, or counted on.
    invalidations: "invalidations",
    /// Operations of the backend that failed; cached functions went on without it.
    backend_errors: "failures of the backend",
    /// Stored entries that could not be read as the type they were asked for; each was loaded
    /// again.
    undecodable: "entries that could not be read",
    /// Values that could not be encoded, and so were not kept.
    unencodable: "values that could not be written",
}

impl CacheStats {
    /// Returns the share of lookups that were answered without a loader, from 0 to 1; 1 where there
    /// was none.
    #[expect(clippy::cast_precision_loss, reason = "a share is for people to read")]
    pub fn hit_ratio(&self) -> f64 {
        let hits = self.near_hits + self.far_hits + self.shared_loads;
        let lookups = hits + self.misses;
        if lookups == 0 { 1.0 } else { hits as f64 / lookups as f64 }
    }
}

/// As many as threads of a common machine; with more, some share one.
const SHARDS: usize = 16;

/// The counters behind [`CacheStats`], those of the calling thread by dereference: what every call
/// counts must not be written by all threads in one place.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    shards: [Shard; SHARDS],
}

impl Deref for Counters {
    type Target = Shard;

    fn deref(&self) -> &Shard {
        static THREADS: AtomicUsize = AtomicUsize::new(0);
        thread_local! {
            static THREAD: usize = THREADS.fetch_add(1, Ordering::Relaxed);
        }
        // A thread that is about to end has lost its number.
        let thread = THREAD.try_with(|thread| *thread).unwrap_or_default();
        &self.shards[thread % SHARDS]
    }
}

#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add_one(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn add(&self, count: usize) {
        self.0.fetch_add(count as u64, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_all_threads_count_is_added_up() {
        let counters = Counters::default();
        std::thread::scope(|scope| {
            for _ in 0..2 * SHARDS {
                scope.spawn(|| counters.loads.add_one());
            }
        });
        assert_eq!(counters.snapshot(), CacheStats { loads: 32, ..CacheStats::default() });
    }
}
