//! Four processes ask all the time for keys that live for four seconds.

use std::ops::AddAssign;

use memclient_tests::{Fleet, Heard, Memcached};

use super::{WORKER, within};

const PROCESSES: usize = 4;
const KEYS: usize = 25;

/// What came of a run.
#[derive(Clone, Copy, Debug, Default)]
struct Outcome {
    calls: usize,
    loads: usize,
    /// Calls that found nothing, and had to wait for a load.
    misses: usize,
}

async fn outcome(when: &str) -> Outcome {
    let server = Memcached::start().await.unwrap();
    let (address, keys) = (server.address(), KEYS.to_string());
    let arguments = ["hot", &address, &keys, "4000", "9000", "200", when];
    let mut fleet = Fleet::start(WORKER, &arguments, PROCESSES).unwrap();
    for _ in 0..PROCESSES {
        within(fleet.hear()).await.unwrap();
    }
    fleet.tell_all("go");
    let mut outcome = Outcome::default();
    while let Some((_, heard)) = within(fleet.hear()).await {
        let Heard::Line(line) = heard else { continue };
        let mut words = line.strip_prefix("done ").unwrap().split(' ');
        let mut number = || words.next().unwrap().parse::<usize>().unwrap();
        outcome += Outcome { calls: number(), loads: number(), misses: number() };
    }
    println!("{when}: {outcome:?} of {KEYS} keys in {PROCESSES} processes");
    outcome
}

impl AddAssign for Outcome {
    fn add_assign(&mut self, other: Self) {
        self.calls += other.calls;
        self.loads += other.loads;
        self.misses += other.misses;
    }
}

#[tokio::test]
async fn with_loads_ahead_of_time_nobody_waits_after_the_first() {
    let early = outcome("early").await;
    assert_eq!(early.misses, KEYS, "{early:?}");
    assert!(early.loads > 2 * KEYS, "{early:?}");
}

#[tokio::test]
async fn without_them_somebody_waits_in_each_life() {
    let late = outcome("late").await;
    assert!(late.misses > KEYS, "{late:?}");
    assert_eq!(late.loads, late.misses, "{late:?}");
}
