//! One cell of the table: a client under a workload, warmed up, timed, then counted.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicU8, AtomicU64, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};

use rustix::time::{ClockId, Timespec, clock_gettime};

use crate::alloc;

/// How long a client warms up: connections open, buffers grow, pools fill.
const WARM_UP: Duration = Duration::from_millis(100);

/// How long allocations are counted, after the timed part.
const COUNT: Duration = Duration::from_millis(50);

/// What one cell came to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sample {
    /// Operations per second.
    pub(crate) rate: f64,
    /// Processor time of this process per operation, user and system, in microseconds.
    pub(crate) cpu: f64,
    /// Allocations per operation.
    pub(crate) allocations: f64,
    /// Latencies in microseconds; `None` where operations are not timed one by one.
    pub(crate) p50: Option<f64>,
    pub(crate) p99: Option<f64>,
    /// Tasks that no operation of theirs ended while it was timed.
    pub(crate) starved: u64,
    pub(crate) errors: u64,
    /// What the first error said.
    pub(crate) error: Option<String>,
}

/// What the tasks of a cell report to.
pub(crate) struct Meter {
    phase: AtomicU8,
    timed: AtomicU64,
    counted: AtomicU64,
    starved: AtomicU64,
    errors: AtomicU64,
    error: Mutex<Option<String>>,
    latencies: Histogram,
}

const WARMING: u8 = 0;
const TIMING: u8 = 1;
const COUNTING: u8 = 2;
const OVER: u8 = 3;

impl Meter {
    pub(crate) fn new() -> Self {
        Self {
            phase: AtomicU8::new(WARMING),
            timed: AtomicU64::new(0),
            counted: AtomicU64::new(0),
            starved: AtomicU64::new(0),
            errors: AtomicU64::new(0),
            error: Mutex::new(None),
            latencies: Histogram::new(),
        }
    }

    /// Returns true when the tasks should end.
    pub(crate) fn is_over(&self) -> bool {
        self.phase.load(Relaxed) == OVER
    }

    /// Takes note of one operation that took so long. Returns true when it is timed.
    pub(crate) fn record(&self, took: Duration) -> bool {
        match self.phase.load(Relaxed) {
            TIMING => {
                self.timed.fetch_add(1, Relaxed);
                self.latencies.record(took);
                return true;
            }
            COUNTING => {
                self.counted.fetch_add(1, Relaxed);
            }
            _ => {}
        }
        false
    }

    /// Takes note of a task that had no timed operation at all.
    pub(crate) fn starve(&self) {
        self.starved.fetch_add(1, Relaxed);
    }

    /// Takes note of operations that are not timed one by one.
    pub(crate) fn record_many(&self, operations: u64) {
        match self.phase.load(Relaxed) {
            TIMING => self.timed.fetch_add(operations, Relaxed),
            COUNTING => self.counted.fetch_add(operations, Relaxed),
            _ => 0,
        };
    }

    /// Takes note of an operation that failed, missed or returned something wrong.
    pub(crate) fn fail(&self, error: &dyn std::fmt::Display) {
        self.errors.fetch_add(1, Relaxed);
        if let Ok(mut first) = self.error.lock() {
            first.get_or_insert_with(|| error.to_string());
        }
    }

    /// Goes through the phases while the tasks work, and returns what was measured. Blocks.
    pub(crate) fn observe(&self, time: Duration) -> Sample {
        thread::sleep(WARM_UP);
        let (start, cpu) = (Instant::now(), cpu_time());
        self.phase.store(TIMING, Relaxed);
        thread::sleep(time);
        self.phase.store(COUNTING, Relaxed);
        let (elapsed, cpu) = (start.elapsed(), cpu_time().saturating_sub(cpu));
        alloc::start();
        let before = self.counted.load(Relaxed);
        thread::sleep(COUNT);
        let allocations = alloc::stop();
        let counted = self.counted.load(Relaxed) - before;
        self.phase.store(OVER, Relaxed);
        let timed = self.timed.load(Relaxed).max(1) as f64;
        Sample {
            rate: timed / elapsed.as_secs_f64(),
            cpu: cpu.as_secs_f64() * 1e6 / timed,
            allocations: allocations as f64 / counted.max(1) as f64,
            p50: self.latencies.quantile(0.50),
            p99: self.latencies.quantile(0.99),
            ..Sample::default()
        }
    }

    /// Gives the sample what is known once the tasks have ended.
    pub(crate) fn finish(&self, mut sample: Sample) -> Sample {
        sample.starved = self.starved.load(Relaxed);
        sample.errors = self.errors.load(Relaxed);
        sample.error = self.error.lock().ok().and_then(|mut error| error.take());
        sample
    }
}

/// Returns the medians of the rounds, each figure by itself; errors are summed, and of the starved
/// tasks the fewest of a round count.
pub(crate) fn median(samples: &[Sample]) -> Sample {
    let of = |figure: fn(&Sample) -> Option<f64>| {
        let mut figures: Vec<f64> = samples.iter().filter_map(figure).collect();
        figures.sort_by(f64::total_cmp);
        let middle = figures.len() / 2;
        match figures.len() {
            0 => None,
            count if count % 2 == 1 => Some(figures[middle]),
            _ => Some(f64::midpoint(figures[middle - 1], figures[middle])),
        }
    };
    Sample {
        rate: of(|sample| Some(sample.rate)).unwrap_or_default(),
        cpu: of(|sample| Some(sample.cpu)).unwrap_or_default(),
        allocations: of(|sample| Some(sample.allocations)).unwrap_or_default(),
        p50: of(|sample| sample.p50),
        p99: of(|sample| sample.p99),
        starved: samples.iter().map(|sample| sample.starved).min().unwrap_or_default(),
        errors: samples.iter().map(|sample| sample.errors).sum(),
        error: samples.iter().find_map(|sample| sample.error.clone()),
    }
}

/// Returns what this process has used of the processors, user and system.
fn cpu_time() -> Duration {
    let Timespec { tv_sec, tv_nsec } = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(tv_sec as u64, tv_nsec as u32)
}

/// Latencies in buckets that are 3 % wide.
struct Histogram(Box<[AtomicU64]>);

/// Buckets per power of two.
const STEPS: u64 = 32;

impl Histogram {
    fn new() -> Self {
        Self((0..STEPS * 60).map(|_| AtomicU64::new(0)).collect())
    }

    fn record(&self, took: Duration) {
        let bucket = bucket(took.as_nanos() as u64);
        if let Some(count) = self.0.get(bucket) {
            count.fetch_add(1, Relaxed);
        }
    }

    /// Returns the latency in microseconds that this share of the operations did not exceed.
    fn quantile(&self, share: f64) -> Option<f64> {
        let total: u64 = self.0.iter().map(|count| count.load(Relaxed)).sum();
        let target = (total as f64 * share).ceil() as u64;
        let mut seen = 0;
        for (bucket, count) in self.0.iter().enumerate() {
            seen += count.load(Relaxed);
            if total > 0 && seen >= target {
                return Some(middle(bucket) / 1e3);
            }
        }
        None
    }
}

/// Returns the bucket of so many nanoseconds.
fn bucket(nanos: u64) -> usize {
    let nanos = nanos.max(STEPS);
    let shift = nanos.ilog2() - STEPS.ilog2();
    // The leading one of the shifted number counts as one whole power of two.
    (u64::from(shift) * STEPS + (nanos >> shift)) as usize
}

/// Returns the middle of a bucket in nanoseconds.
fn middle(bucket: usize) -> f64 {
    let bucket = bucket as u64;
    let shift = (bucket / STEPS).saturating_sub(1);
    let lower = (bucket - shift * STEPS) << shift;
    lower as f64 + (1u64 << shift) as f64 / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_is_within_three_percent_of_what_it_holds() {
        for nanos in (0..60).map(|power| 1u64 << power).flat_map(|n| [n, n + n / 3]).skip(12) {
            let middle = middle(bucket(nanos));
            assert!((middle / nanos as f64 - 1.0).abs() < 0.032, "{nanos} became {middle}");
        }
    }

    #[test]
    fn a_quantile_is_the_latency_at_its_place() {
        let histogram = Histogram::new();
        for micros in 1..=100 {
            histogram.record(Duration::from_micros(micros));
        }
        let p50 = histogram.quantile(0.5).unwrap();
        assert!((48.0..52.0).contains(&p50), "{p50}");
        assert!(Histogram::new().quantile(0.5).is_none());
    }

    #[test]
    fn a_median_takes_each_figure_by_itself_and_sums_errors() {
        let sample = |rate, cpu, errors| Sample { rate, cpu, errors, ..Sample::default() };
        let median = median(&[sample(1.0, 9.0, 1), sample(3.0, 8.0, 0), sample(2.0, 7.0, 2)]);
        assert_eq!((median.rate, median.cpu, median.errors), (2.0, 8.0, 3));
    }
}
