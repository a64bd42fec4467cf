//! Asks again and again, on one thread or several, and tells what a hit took.

use std::{
    future::Future,
    hint::black_box,
    pin::pin,
    sync::{
        Barrier,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    task::{Context, Poll, Waker},
    thread,
    time::{Duration, Instant},
};

use super::keys::{Drawn, Questions};
use crate::{alloc, peers::Outcome};

/// How many hits there are between two looks at whether it is over.
const STRIDE: usize = 256;

/// How many hits are counted for what is not timed.
const COUNTED: usize = 10_000;

/// What one round of a row came to, per hit.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Figures {
    /// What a hit takes the thread that asks, in nanoseconds.
    pub(super) nanos: f64,
    pub(super) allocations: f64,
    /// Hits that were not answered at once.
    pub(super) suspended: f64,
    pub(super) decoded: f64,
}

/// How a round is run.
pub(super) struct Round<'a> {
    pub(super) questions: &'a Questions,
    pub(super) threads: usize,
    pub(super) time: Duration,
    /// How often a value was decoded so far.
    pub(super) decoded: &'static AtomicU64,
}

impl Round<'_> {
    /// Asks with plain calls.
    pub(super) fn calls<V>(&self, hit: impl Fn(&str) -> V + Sync) -> Outcome<Figures> {
        let nanos = self.timed(|keys, over| {
            let mut hits = 0;
            while !over.load(Relaxed) {
                for _ in 0..STRIDE {
                    black_box(hit(black_box(keys.draw())));
                }
                hits += STRIDE;
            }
            Ok(hits)
        })?;
        let counted = self.counted(|key| {
            black_box(hit(key));
            false
        });
        Ok(Figures { nanos, ..counted })
    }

    /// Asks with calls that are awaited, each thread on a runtime of its own.
    pub(super) fn awaited<V>(&self, hit: impl AsyncFn(&str) -> V + Sync) -> Outcome<Figures> {
        let nanos = self.timed(|keys, over| {
            let runtime = tokio::runtime::Builder::new_current_thread().build()?;
            Ok(runtime.block_on(async {
                let mut hits = 0;
                while !over.load(Relaxed) {
                    for _ in 0..STRIDE {
                        black_box(hit(black_box(keys.draw())).await);
                    }
                    hits += STRIDE;
                }
                hits
            }))
        })?;
        let counted = self.counted(|key| {
            let mut asked = pin!(hit(key));
            match asked.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(value) => {
                    black_box(value);
                    false
                }
                Poll::Pending => true,
            }
        });
        Ok(Figures { nanos, ..counted })
    }

    fn timed(
        &self,
        work: impl Fn(&mut Drawn<'_>, &AtomicBool) -> Outcome<usize> + Sync,
    ) -> Outcome<f64> {
        let (over, start) = (AtomicBool::new(false), Barrier::new(self.threads + 1));
        thread::scope(|scope| {
            let threads: Vec<_> = (0..self.threads)
                .map(|thread| {
                    let (work, over, start) = (&work, &over, &start);
                    scope.spawn(move || {
                        let mut keys = self.questions.from(thread);
                        start.wait();
                        let began = Instant::now();
                        let hits = work(&mut keys, over);
                        let took = began.elapsed().as_nanos() as f64;
                        hits.map(|hits| took / hits as f64).map_err(|error| error.to_string())
                    })
                })
                .collect();
            start.wait();
            thread::sleep(self.time);
            over.store(true, Relaxed);
            let mut sum = 0.0;
            for thread in threads {
                sum += thread.join().map_err(|_| "a thread panicked")??;
            }
            Ok(sum / self.threads as f64)
        })
    }

    fn counted(&self, mut suspends: impl FnMut(&str) -> bool) -> Figures {
        let decoded = self.decoded.load(Relaxed);
        let (mut suspended, mut keys) = (0, self.questions.from(0));
        alloc::start();
        for _ in 0..COUNTED {
            suspended += u64::from(suspends(keys.draw()));
        }
        let allocations = alloc::stop();
        let share = |count: u64| count as f64 / COUNTED as f64;
        Figures {
            nanos: 0.0,
            allocations: share(allocations),
            suspended: share(suspended),
            decoded: share(self.decoded.load(Relaxed) - decoded),
        }
    }
}

/// Returns the medians, each figure by itself.
pub(super) fn median(rounds: &[Figures]) -> Figures {
    let of = |figure: fn(&Figures) -> f64| {
        let mut figures: Vec<f64> = rounds.iter().map(figure).collect();
        figures.sort_by(f64::total_cmp);
        figures.get(figures.len() / 2).copied().unwrap_or_default()
    };
    Figures {
        nanos: of(|figures| figures.nanos),
        allocations: of(|figures| figures.allocations),
        suspended: of(|figures| figures.suspended),
        decoded: of(|figures| figures.decoded),
    }
}
