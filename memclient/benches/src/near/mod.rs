//! Hits in this process's memory: `cargo run --release -- near`.
//!
//! Everybody keeps the same keys and values, and is asked in interleaved rounds. What a hit takes
//! is the time of the thread that asks; the choice of the key is part of it, and the same for all.

mod far;
mod keys;
mod rows;
mod spin;
mod table;
mod values;

use std::time::Duration;

use memclient::Cache;

use self::{
    keys::{Questions, Spread},
    rows::{Caches, Row},
    spin::{Figures, Round, median},
    table::Section,
    values::{Customer, DECODED, Kept, Number},
};
use crate::{options::Options, peers::Outcome};

/// Measures all rows and prints a table per kind of value, spread and number of threads.
pub(crate) fn run(options: &Options) -> Outcome<()> {
    println!("near hits: nanoseconds per hit of one thread, over {} keys", keys::KEYS);
    println!("{} rounds of {:?} per cell", options.rounds, options.time);
    Cache::builder().near_bytes(256 << 20).install()?;
    of::<Number>(options)?;
    of::<Customer>(options)?;
    far::run(options)
}

fn of<V: Kept>(options: &Options) -> Outcome<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    for spread in [Spread::Few, Spread::Even, Spread::Zipf] {
        let questions = Questions::new(spread);
        let caches = runtime.block_on(Caches::<V>::fill(&questions.keys))?;
        for threads in [1, 2] {
            let title = format!("{}, {}, threads: {threads}", V::NAME, spread.name());
            let section = section(title, &caches, options, |time| Round {
                questions: &questions,
                threads,
                time,
                decoded: &DECODED,
            })?;
            print!("\n{section}");
        }
    }
    Ok(())
}

fn section<'a, V: Kept>(
    title: String,
    caches: &Caches<V>,
    options: &Options,
    round: impl Fn(Duration) -> Round<'a>,
) -> Outcome<Section> {
    let wanted =
        |row: &Row| options.rows.is_empty() || options.rows.iter().any(|r| r == row.name());
    let mut rounds: Vec<(Row, Vec<Figures>)> =
        Row::ALL.into_iter().filter(wanted).map(|row| (row, Vec::new())).collect();
    for turn in 0..options.rounds {
        // Each round begins with another row, so that none always follows the same one.
        let count = rounds.len();
        for place in 0..count {
            let (row, figures) = &mut rounds[(place + turn) % count];
            // Brings back to the caches of the processor what the other rows have displaced.
            caches.run(*row, &round(options.time / 10))?;
            figures.push(caches.run(*row, &round(options.time))?);
        }
    }
    let rows = rounds.into_iter().map(|(row, figures)| (row, median(&figures))).collect();
    Ok(Section { title, rows })
}
