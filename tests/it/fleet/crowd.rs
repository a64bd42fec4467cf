//! Eight processes with 64 callers each want the same cold key at once.

use std::{ops::AddAssign, time::Duration};

use memclient_tests::{Fleet, Heard, Memcached};

use super::{WORKER, within};

const PROCESSES: usize = 8;
const CALLERS: usize = 64;

/// The crowds of some processes, waiting for the word to begin.
async fn crowds(server: &Memcached, lease: Duration, loader: &[&str]) -> Fleet {
    let (address, callers) = (server.address(), CALLERS.to_string());
    let lease = lease.as_millis().to_string();
    let arguments = [&["crowd", &address, &callers, &lease], loader].concat();
    let mut fleet = Fleet::start(WORKER, &arguments, PROCESSES).unwrap();
    for _ in 0..PROCESSES {
        assert!(
            matches!(within(fleet.hear()).await, Some((_, Heard::Line(line))) if line == "ready")
        );
    }
    fleet
}

/// What came of crowds.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
struct Outcome {
    loads: usize,
    answered: usize,
    failed: usize,
    slowest: Duration,
}

/// Listens until all members have ended. Each beginning of a load is told to `began`, with its
/// number and the member that loads.
async fn outcome(mut fleet: Fleet, mut began: impl FnMut(&mut Fleet, usize, usize)) -> Outcome {
    let mut outcome = Outcome::default();
    while let Some((member, heard)) = within(fleet.hear()).await {
        let Heard::Line(line) = heard else { continue };
        if line == "load" {
            outcome.loads += 1;
            began(&mut fleet, outcome.loads, member);
        } else {
            outcome += Outcome::read(&line);
        }
    }
    outcome
}

impl Outcome {
    fn read(line: &str) -> Self {
        let mut words = line.split(' ');
        assert_eq!(words.next(), Some("done"), "{line}");
        let mut number = || words.next().unwrap().parse::<usize>().unwrap();
        let (answered, failed, micros) = (number(), number(), number());
        Self { loads: 0, answered, failed, slowest: Duration::from_micros(micros as u64) }
    }
}

impl AddAssign for Outcome {
    fn add_assign(&mut self, other: Self) {
        self.loads += other.loads;
        self.answered += other.answered;
        self.failed += other.failed;
        self.slowest = self.slowest.max(other.slowest);
    }
}

#[tokio::test]
async fn of_all_processes_one_loads_and_every_caller_has_its_value() {
    let server = Memcached::start().await.unwrap();
    let mut fleet = crowds(&server, Duration::from_secs(10), &["takes", "100"]).await;
    fleet.tell_all("go");
    let outcome = outcome(fleet, |_, _, _| ()).await;
    println!("a cold key: {outcome:?}");
    assert_eq!((outcome.loads, outcome.answered), (1, PROCESSES * CALLERS));
}

#[tokio::test]
async fn a_process_that_is_killed_in_its_load_costs_the_fleet_one_more() {
    let server = Memcached::start().await.unwrap();
    let mut fleet = crowds(&server, Duration::from_secs(3), &["waits"]).await;
    fleet.tell_all("go");
    let outcome = outcome(fleet, |fleet, load, member| {
        if load == 1 {
            fleet.kill(member).unwrap();
        } else {
            fleet.tell_all("end");
        }
    });
    let outcome = outcome.await;
    println!("the process that loads is killed: {outcome:?}");
    assert_eq!((outcome.loads, outcome.answered), (2, (PROCESSES - 1) * CALLERS));
}

#[tokio::test]
async fn a_load_that_fails_gives_its_lease_back_and_is_run_once_by_each_process() {
    let server = Memcached::start().await.unwrap();
    // Whoever waited for the lease to end would pass for hanging.
    let mut fleet = crowds(&server, Duration::from_secs(3600), &["fails", "100"]).await;
    fleet.tell_all("go");
    let outcome = outcome(fleet, |_, _, _| ()).await;
    println!("the loader fails: {outcome:?}");
    assert_eq!(outcome.failed, PROCESSES * CALLERS);
    // A caller that comes after the load of its process has failed begins another.
    assert!(outcome.loads <= 2 * PROCESSES, "{} loads", outcome.loads);
}
