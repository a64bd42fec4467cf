//! A steady load on hot keys from several processes: who waits when they end, and how many load.

use std::collections::HashMap;

use crate::{
    members::Members,
    options::Options,
    peers::Outcome,
    server::{Kind, Server},
};

const PROCESSES: usize = 4;
const KEYS: usize = 25;

/// In milliseconds: the life of an entry, the length of a run, and what a load takes.
const LIFE: u64 = 3000;
const LENGTH: u64 = 13_000;
const TAKES: u64 = 50;

/// Runs both ways and prints a table.
pub(crate) fn run(_: &Options) -> Outcome<()> {
    println!(
        "{KEYS} keys that live for {LIFE} ms, asked for every 5 ms by each of {PROCESSES} processes \
         for {LENGTH} ms; a load takes {TAKES} ms\n"
    );
    println!(
        "  {:10} │{:>9} {:>9} {:>9} {:>9} │{:>9} {:>9} {:>9} │{:>9} {:>9} {:>9}",
        "",
        "lives",
        "loads",
        "per life",
        "most",
        "calls",
        "misses",
        "of first",
        "p50 ms",
        "p99 ms",
        "max ms"
    );
    println!("  {0:─<10}─┼{0:─<40}┼{0:─<30}┼{0:─<30}", "");
    for when in ["early", "late"] {
        println!("{}", steady(when)?);
    }
    Ok(())
}

fn steady(when: &str) -> Outcome<String> {
    let server = Server::start(Kind::Memcached, None)?;
    let (address, keys) = (server.address.to_string(), KEYS.to_string());
    let [life, length, takes] = [LIFE, LENGTH, TAKES].map(|millis| millis.to_string());
    let words = ["hot", &address, &keys, &life, &length, &takes, when];
    let mut members = Members::start(PROCESSES, &words)?;
    members.tell("go");
    let (mut loads, mut calls, mut misses) = (HashMap::<u64, Vec<u64>>::new(), 0, 0);
    let mut times = Vec::new();
    while let Some((_, line)) = members.hear() {
        let mut words = line.split(' ');
        let (kind, mut number) = (words.next(), || words.next().unwrap_or_default().parse::<u64>());
        if kind == Some("load") {
            loads.entry(number()?).or_default().push(number()?);
        } else {
            calls += number()?;
            misses += number()?;
            while let Ok(micros) = number() {
                times.push(micros);
            }
        }
    }
    times.sort_unstable();
    let at = |share: f64| {
        let place = (times.len() as f64 * share) as usize;
        times.get(place.min(times.len() - 1)).copied().unwrap_or_default() as f64 / 1e3
    };
    // The first loads are no renewals.
    let lives: Vec<usize> =
        loads.into_values().flat_map(|times| lives(times).split_off(1)).collect();
    let renewals: usize = lives.iter().sum();
    Ok(format!(
        "  {when:10} │{:>9} {renewals:>9} {:>9.2} {:>9} │{calls:>9} {misses:>9} {KEYS:>9} \
         │{:>9.3} {:>9.3} {:>9.3}",
        lives.len(),
        renewals as f64 / lives.len() as f64,
        lives.iter().max().copied().unwrap_or_default(),
        at(0.5),
        at(0.99),
        at(1.0),
    ))
}

/// Returns how many loads each life of a key began with: those that began within a second.
fn lives(mut times: Vec<u64>) -> Vec<usize> {
    times.sort_unstable();
    let (mut lives, mut first) = (Vec::new(), None);
    for time in times {
        match (first, lives.last_mut()) {
            (Some(first), Some(loads)) if time < first + 1000 => *loads += 1,
            _ => {
                first = Some(time);
                lives.push(1);
            }
        }
    }
    lives
}
