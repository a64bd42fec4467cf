//! An hour of everything that goes wrong, by one command:
//!
//! ```text
//! scripts/soak            # an hour
//! scripts/soak 5          # five minutes
//! scripts/soak 5 five.svg # and where the picture goes
//! ```
//!
//! It ends with a report, a picture of latency, errors, memory and connections over time, and the exit
//! code 1 where an answer was not right or something was left behind.

#![allow(clippy::expect_used, reason = "a report that cannot be made is one")]

mod picture;

use std::{env, path::PathBuf, process::ExitCode, time::Duration};

use memclient::Dialect;
use memclient_tests::{
    Mischief,
    integrity::{Moment, Plan, Report, Until, run},
    seed,
};

/// How often the run says how it stands.
const PROGRESS: Duration = Duration::from_secs(60);

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> ExitCode {
    let mut arguments = env::args().skip(1);
    let minutes = arguments.next().map_or(60.0, |text| text.parse().expect("a number of minutes"));
    let path = PathBuf::from(arguments.next().unwrap_or_else(|| "soak.svg".to_owned()));
    let plan = Plan {
        name: "soak",
        dialect: Dialect::Auto,
        mischief: Mischief::HONEST.to_vec(),
        tls: false,
        seed: seed("soak"),
        until: Until::Passed(Duration::from_secs_f64(minutes * 60.0)),
    };
    eprintln!("{minutes} minutes");

    let mut next = PROGRESS;
    let report = run(plan, |moment| {
        if moment.at >= next {
            next += PROGRESS;
            eprintln!("{}", line(moment));
        }
    })
    .await;

    println!("{}\n{report}\n", Report::HEAD);
    for (name, count) in report.counts.iter() {
        println!("{name:>16} {count}");
    }
    picture::draw(&report, &path).expect("the picture can be written");
    println!("\n{} s, {} restarts; see {}", report.took.as_secs(), report.kills, path.display());
    if is_right(&report) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Says how a run stands.
fn line(moment: &Moment) -> String {
    let counts = &moment.counts;
    format!(
        "{:>5} s: {} dropped, {} ended, {} failed, {} faults, {} restarts, {} connections, {} MiB",
        moment.at.as_secs(),
        counts.get("dropped"),
        counts.get("ended"),
        counts.failed(),
        moment.faults,
        moment.kills,
        moment.connections,
        moment.memory >> 10,
    )
}

/// Says whether every answer was right, and nothing was left behind.
fn is_right(report: &Report) -> bool {
    let wrong = ["broken", "foreign", "stale", "missed", "twice", "hung"];
    let wrong: u64 = wrong.into_iter().map(|name| report.counts.get(name)).sum();
    let left = report.connections_left + report.tasks_left;
    wrong + report.lost + report.panics + left == 0
}
