//! What a run came to.

use std::{fmt, time::Duration};

use super::tally::{Counts, Moment};
use crate::Mischief;

/// What a run came to.
#[derive(Clone, Debug)]
pub struct Report {
    /// The plan's.
    pub name: &'static str,
    /// How long it took.
    pub took: Duration,
    /// What became of the calls.
    pub counts: Counts,
    /// How many writes that were confirmed were not there in the end.
    pub lost: u64,
    /// How many tasks panicked.
    pub panics: u64,
    /// How many connections stayed open after the clients were dropped.
    pub connections_left: u64,
    /// How many tasks of the runtime were left.
    pub tasks_left: u64,
    /// How many connections were opened.
    pub dials: u64,
    /// How many lines of replies the network made up.
    pub forged: u64,
    /// How often the network did each thing.
    pub mischief: [(Mischief, u64); Mischief::ALL.len()],
    /// How often the server was killed and started again.
    pub kills: u64,
    /// How often the server was frozen for a moment.
    pub freezes: u64,
    /// How it stood about every second, and last when all was over.
    pub moments: Vec<Moment>,
}

impl Report {
    /// Returns how often the network did this.
    pub fn mischief(&self, kind: Mischief) -> u64 {
        self.mischief.iter().find(|(other, _)| *other == kind).map_or(0, |&(_, count)| count)
    }

    /// Returns how much memory the process had more in the end than after a tenth of the run, in KiB.
    pub fn growth(&self) -> usize {
        let early = self.moments.get(self.moments.len() / 10).map_or(0, |moment| moment.memory);
        let last = self.moments.last().map_or(0, |moment| moment.memory);
        last.saturating_sub(early)
    }

    /// The head of a table whose rows reports are.
    pub const HEAD: &'static str = "| run | dropped | ended | failed | broken | foreign | stale | \
        missed | lost | twice | hung | panics | left open | dials | faults | restarts | memory |\n\
        |---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|";
}

/// A row of a table, see [`Report::HEAD`].
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = |name| self.counts.get(name);
        write!(
            f,
            "| {} | {} | {} | {} ",
            self.name,
            count("dropped"),
            count("ended"),
            self.counts.failed()
        )?;
        for name in ["broken", "foreign", "stale", "missed"] {
            write!(f, "| {} ", count(name))?;
        }
        write!(f, "| {} | {} | {} | {} ", self.lost, count("twice"), count("hung"), self.panics)?;
        let left = self.connections_left + self.tasks_left;
        let faults = self.freezes + self.mischief.iter().map(|(_, count)| count).sum::<u64>();
        write!(
            f,
            "| {left} | {} | {faults} | {} | +{} KiB |",
            self.dials,
            self.kills,
            self.growth()
        )
    }
}
