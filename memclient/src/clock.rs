use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant, SystemTime},
};

/// Where the caching layers read time: the system's clocks, or one that a test moves by hand.
///
/// ```
/// use std::time::Duration;
/// use memclient::Clock;
///
/// let clock = Clock::manual();
/// let before = clock.now();
/// clock.advance(Duration::from_secs(60));
/// assert_eq!(clock.now() - before, Duration::from_secs(60));
/// ```
#[derive(Clone, Default)]
pub struct Clock(Option<Arc<Manual>>);

/// Returns the monotonic time of calls and connections: that of the runtime, which stands still where
/// a test has paused it, as the timers do that it is compared with.
pub(crate) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

struct Manual {
    start: Instant,
    wall: SystemTime,
    passed: AtomicU64,
}

impl Clock {
    /// Returns the system's clocks.
    pub const fn system() -> Self {
        Self(None)
    }

    /// Returns a clock that stands still until [`Clock::advance`] moves it; its clones share the
    /// time.
    pub fn manual() -> Self {
        Self(Some(Arc::new(Manual {
            start: Instant::now(),
            wall: SystemTime::now(),
            passed: AtomicU64::new(0),
        })))
    }

    /// Moves a manual clock forward; the system's clocks are left alone.
    pub fn advance(&self, by: Duration) {
        if let Some(manual) = &self.0 {
            manual
                .passed
                .fetch_add(u64::try_from(by.as_nanos()).unwrap_or(u64::MAX), Ordering::SeqCst);
        }
    }

    /// Returns true for a clock that only [`Clock::advance`] moves.
    #[cfg(feature = "moka")]
    pub(crate) const fn is_manual(&self) -> bool {
        self.0.is_some()
    }

    /// Returns the monotonic time.
    pub fn now(&self) -> Instant {
        match &self.0 {
            None => now(),
            Some(manual) => manual.start + manual.passed(),
        }
    }

    /// Returns the time of day.
    pub fn wall(&self) -> SystemTime {
        match &self.0 {
            None => SystemTime::now(),
            Some(manual) => manual.wall + manual.passed(),
        }
    }
}

impl Manual {
    fn passed(&self) -> Duration {
        Duration::from_nanos(self.passed.load(Ordering::SeqCst))
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            None => f.write_str("Clock::system"),
            Some(manual) => write!(f, "Clock::manual({:?})", manual.passed()),
        }
    }
}
