//! Two processes read and write at moments that chance decides: what is answered is never older than
//! the last change that was over when the call began.
//!
//! `MEMCLIENT_LONG=1` plays a hundred thousand rounds, `MEMCLIENT_SEED` repeats the moments of
//! another run; what the system makes of them is its own.

use std::collections::BTreeMap;

use memclient_tests::{Fleet, Heard, Memcached, is_long, seed};

use super::{WORKER, within};

/// How many rounds are played at once: with many more the processes are so busy that chance decides
/// little, with many fewer they idle.
const WAVE: u64 = 100;

/// What a process does, and the readers that each of the two has in a round.
struct Play<'a> {
    deeds: &'a str,
    readers: u64,
    rounds: u64,
}

/// What came of it.
#[derive(Debug, Default)]
struct Outcome {
    judged: usize,
    /// How many answers were too old, by what was asked, and one of each.
    old: BTreeMap<String, (usize, String)>,
}

impl Play<'_> {
    async fn outcome(self, test: &str) -> Outcome {
        let seed = seed(test);
        let rounds = if is_long() { 10 * self.rounds } else { self.rounds };
        let (cached, origin) =
            (Memcached::start().await.unwrap(), Memcached::start().await.unwrap());
        let [cached_at, origin_at] = [cached.address(), origin.address()];
        let [seed, wave, readers] = [seed, WAVE, self.readers].map(|number| number.to_string());
        let arguments = ["coherence", &cached_at, &origin_at, &seed, &wave, &readers, self.deeds];
        let mut fleet = Fleet::start(WORKER, &arguments, 2).unwrap();
        let mut outcome = Outcome::default();
        outcome.hear(&mut fleet, "ready").await;
        for first in (0..rounds).step_by(usize::try_from(WAVE).unwrap()) {
            for side in 0..2 {
                fleet.tell(side, &format!("wave {side} {first}")).unwrap();
            }
            outcome.hear(&mut fleet, "done").await;
            fleet.tell_all(&format!("look {first}"));
            outcome.hear(&mut fleet, "done").await;
        }
        println!(
            "{test}: of {} answers in {rounds} rounds were old: {:?}",
            outcome.judged, outcome.old
        );
        outcome
    }

    /// Plays, and makes sure that nothing was too old.
    async fn keeps_up(self, test: &str) {
        let outcome = self.outcome(test).await;
        assert!(outcome.judged > 0 && outcome.old.is_empty(), "{:?}", outcome.old);
    }
}

impl Outcome {
    /// Listens until both processes have said this.
    async fn hear(&mut self, fleet: &mut Fleet, last: &str) {
        let mut open = fleet.size();
        while open > 0 {
            let Some((_, Heard::Line(line))) = within(fleet.hear()).await else {
                panic!("a process has ended")
            };
            if let Some(old) = line.strip_prefix("old ") {
                let kind = old.split(':').next().unwrap().to_owned();
                self.old.entry(kind).or_insert((0, old.to_owned())).0 += 1;
            } else {
                assert!(line.starts_with(last), "{line}");
                let judged = line[last.len()..].trim().parse::<usize>();
                self.judged += judged.unwrap_or_default();
                open -= 1;
            }
        }
    }
}

#[tokio::test]
async fn loads_never_bring_back_what_was_invalidated_or_replaced() {
    let play = Play { deeds: "load,get,lookup,invalidate,put", readers: 1, rounds: 10_000 };
    play.keeps_up("loads").await;
}

#[tokio::test]
async fn a_function_that_is_refreshed_after_each_write_keeps_up_with_it() {
    let play = Play { deeds: "load,get,rewrite", readers: 1, rounds: 2_000 };
    play.keeps_up("refreshes after writes").await;
}

#[tokio::test]
async fn loads_of_stale_entries_never_bring_back_what_was_invalidated() {
    let deeds = "load,grace,get,lookup,invalidate,put";
    Play { deeds, readers: 1, rounds: 2_000 }.keeps_up("stale entries").await;
}
