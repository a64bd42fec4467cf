//! What became of the calls of a run.

use std::{
    array,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use memclient::Error;

use super::{server::Server, truth::Verdict};
use crate::{Mischief, Proxy, memory};

/// How many buckets of time there are: four for each doubling, from a microsecond on.
const BUCKETS: usize = 112;

/// Counts of one run, as tasks add to them.
pub(super) struct Tally {
    counts: [AtomicU64; NAMES.len()],
    times: [AtomicU64; BUCKETS],
}

/// What is counted, in the order of a report.
const NAMES: [&str; 13] = [
    "dropped",
    "ended",
    "timed out",
    "lost connection",
    "not connected",
    "out of step",
    "other error",
    "broken",
    "foreign",
    "stale",
    "missed",
    "twice",
    "hung",
];

/// Where each thing is counted.
const DROPPED: usize = 0;
const ENDED: usize = 1;
const ERRORS: usize = 2;
const BROKEN: usize = 7;
const HUNG: usize = 12;

/// The counts of a run, each with its name.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Counts([u64; NAMES.len()]);

/// How a run stands at one time.
#[derive(Clone, Debug, Default)]
pub struct Moment {
    /// Since the run began.
    pub at: Duration,
    /// All calls so far.
    pub counts: Counts,
    /// How many calls have taken how long so far, see [`Moment::percentile`].
    times: Vec<u64>,
    /// The memory of the process, in KiB.
    pub memory: usize,
    /// How many connections are open.
    pub connections: usize,
    /// How often the network has done something, and the server was frozen or killed.
    pub faults: u64,
    /// How often the server was killed.
    pub kills: u64,
}

impl Tally {
    pub(super) fn new() -> Self {
        Self {
            counts: array::from_fn(|_| AtomicU64::new(0)),
            times: array::from_fn(|_| AtomicU64::new(0)),
        }
    }

    pub(super) fn dropped(&self) -> u64 {
        self.counts[DROPPED].load(Ordering::SeqCst)
    }

    pub(super) fn note(&self, verdict: Verdict) {
        let place = match verdict {
            Verdict::Right => return,
            Verdict::Broken => 0,
            Verdict::Foreign => 1,
            Verdict::Stale => 2,
            Verdict::Missed => 3,
            Verdict::Twice => 4,
        };
        self.add(BROKEN + place);
    }

    pub(super) fn hung(&self, hung: bool) {
        if hung {
            self.add(HUNG);
        }
    }

    pub(super) fn left(&self, left: bool) {
        if left {
            self.add(DROPPED);
        }
    }

    /// Counts a call that was not left.
    pub(super) fn ended(&self, took: Duration, error: Option<&Error>) {
        let micros = u32::try_from(took.as_micros()).unwrap_or(u32::MAX).max(1);
        let (magnitude, quarter) =
            (micros.ilog2(), ((u64::from(micros) * 4) >> micros.ilog2()) - 4);
        let bucket = magnitude as usize * 4 + usize::try_from(quarter).unwrap_or_default();
        self.times[bucket.min(BUCKETS - 1)].fetch_add(1, Ordering::Relaxed);
        self.add(match error {
            None => ENDED,
            Some(error) if error.is_timeout() => ERRORS,
            Some(error) if error.is_closed() => ERRORS + 1,
            Some(error) if error.is_connect() => ERRORS + 2,
            Some(error) if error.is_protocol() => ERRORS + 3,
            Some(_) => ERRORS + 4,
        });
    }

    fn add(&self, place: usize) {
        self.counts[place].fetch_add(1, Ordering::SeqCst);
    }

    pub(super) fn counts(&self) -> Counts {
        Counts(array::from_fn(|place| self.counts[place].load(Ordering::SeqCst)))
    }
}

impl Counts {
    /// Returns each count with its name.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> {
        NAMES.into_iter().zip(self.0)
    }

    /// Returns the count of this name, 0 where there is none.
    pub fn get(&self, name: &str) -> u64 {
        self.iter().find(|(other, _)| *other == name).map_or(0, |(_, count)| count)
    }

    /// Returns how many calls failed.
    pub fn failed(&self) -> u64 {
        self.0[ERRORS..BROKEN].iter().sum()
    }

    /// Returns the names and counts of the errors that calls ended with.
    pub fn errors(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.iter().take(BROKEN).skip(ERRORS)
    }
}

impl Moment {
    pub(super) fn now(at: Duration, tally: &Tally, proxy: &Proxy, server: &Server) -> Self {
        let mischief: u64 = Mischief::ALL.into_iter().map(|kind| proxy.count(kind)).sum();
        Self {
            at,
            counts: tally.counts(),
            times: tally.times.iter().map(|count| count.load(Ordering::Relaxed)).collect(),
            memory: memory("VmRSS"),
            connections: proxy.open(),
            faults: mischief + server.freezes() + server.kills(),
            kills: server.kills(),
        }
    }

    /// Returns within what time this share of the calls ended that ended since `before`, to a fifth
    /// of itself; `None` where none did.
    pub fn percentile(&self, share: f64, before: &Self) -> Option<Duration> {
        let earlier = before.times.iter().copied().chain(std::iter::repeat(0));
        let times: Vec<u64> = self.times.iter().zip(earlier).map(|(all, old)| all - old).collect();
        let all: u64 = times.iter().sum();
        #[allow(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "no more exact than a bucket"
        )]
        let mut left = (all as f64 * share).ceil() as u64;
        let bucket = times.iter().position(|&count| {
            left = left.saturating_sub(count);
            left == 0
        });
        let bucket = bucket.filter(|_| all > 0)?;
        let micros = (1_u64 << (bucket / 4)) * (5 + bucket as u64 % 4) / 4;
        Some(Duration::from_micros(micros))
    }
}
