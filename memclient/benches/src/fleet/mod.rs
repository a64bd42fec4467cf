//! One cold key, wanted by many callers of several processes: `cargo run --release -- fleet`.
//!
//! How often the loader runs in all of them, and how long the slowest caller waits: where all is
//! well, where the process that loads is killed, and where the loader fails.

mod crowd;
mod rows;

use std::time::Duration;

pub(crate) use self::crowd::run as member;
use self::{crowd::CALLERS, rows::Row};
use crate::{
    members::Members,
    options::Options,
    peers::Outcome,
    server::{Kind, Server},
};

const PROCESSES: usize = 8;

/// What happens to the first load.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Fate {
    Succeeds,
    /// Its process is killed; the loads after it succeed.
    Dies,
    Fails,
}

impl Fate {
    const ALL: [Self; 3] = [Self::Succeeds, Self::Dies, Self::Fails];

    /// What a member is told of it: what its loader does.
    fn loader(self) -> [&'static str; 2] {
        match self {
            Self::Succeeds => ["takes", "100"],
            Self::Dies => ["waits", "100"],
            Self::Fails => ["fails", "10"],
        }
    }
}

/// What came of the crowds.
#[derive(Clone, Copy, Debug, Default)]
struct Figures {
    loads: usize,
    answered: usize,
    failed: usize,
    slowest: Duration,
}

/// Runs all rows in all cases and prints a table of the worst of the rounds.
pub(crate) fn run(options: &Options) -> Outcome<()> {
    println!("one cold key, {CALLERS} callers in each of {PROCESSES} processes at once");
    println!("the worst of {} rounds\n", options.rounds);
    println!(
        "  {:12} │{:^31} │{:^31} │{:^31}",
        "", "a load takes 100 ms", "the loading process is killed", "each load fails after 10 ms"
    );
    let titles = format!("{:>6} {:>8} {:>6} {:>8}", "loads", "answered", "errors", "slowest");
    println!("  {:12} │{titles} │{titles} │{titles}", "");
    println!("  {0:─<12}─┼{0:─<32}┼{0:─<32}┼{0:─<31}", "");
    for row in Row::ALL {
        print!("  {:12}", row.name());
        for fate in Fate::ALL {
            let mut worst = Figures::default();
            for _ in 0..options.rounds {
                worst = worst.or_worse(crowds(row, fate)?);
            }
            let Figures { loads, answered, failed, slowest } = worst;
            let slowest = format!("{:.0} ms", slowest.as_secs_f64() * 1e3);
            print!(" │{loads:>6} {answered:>8} {failed:>6} {slowest:>8}");
        }
        println!();
    }
    Ok(())
}

fn crowds(row: Row, fate: Fate) -> Outcome<Figures> {
    let server = Server::start(Kind::Memcached, None)?;
    let address = server.address.to_string();
    let [does, millis] = fate.loader();
    let mut members = Members::start(PROCESSES, &["crowd", &address, row.name(), does, millis])?;
    members.tell("go");
    let mut figures = Figures::default();
    while let Some((member, line)) = members.hear() {
        if line != "load" {
            figures.add(&line)?;
            continue;
        }
        figures.loads += 1;
        if fate == Fate::Dies && figures.loads == 1 {
            members.kill(member)?;
            // Those who have not begun yet need not wait.
            members.tell("end");
        }
    }
    Ok(figures)
}

impl Figures {
    /// Adds what a member said at its end.
    fn add(&mut self, line: &str) -> Outcome<()> {
        let numbers: Vec<usize> = line.split(' ').map(str::parse).collect::<Result<_, _>>()?;
        let [answered, failed, micros] = numbers[..] else {
            return Err(format!("a member said {line:?}").into());
        };
        self.answered += answered;
        self.failed += failed;
        self.slowest = self.slowest.max(Duration::from_micros(micros as u64));
        Ok(())
    }

    fn or_worse(self, other: Self) -> Self {
        Self {
            loads: self.loads.max(other.loads),
            answered: if self.answered == 0 {
                other.answered
            } else {
                self.answered.min(other.answered)
            },
            failed: self.failed.max(other.failed),
            slowest: self.slowest.max(other.slowest),
        }
    }
}
