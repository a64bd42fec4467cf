//! The callers of one process.

use std::{
    io,
    sync::OnceLock,
    time::{Duration, Instant},
};

use tokio::{sync::watch, task::JoinSet, time::sleep};

use super::rows::Keeper;
use crate::{
    members::{say, told},
    peers::Outcome,
};

pub(super) const CALLERS: usize = 64;

/// What is loaded.
const VALUE: u64 = 7;

/// What the loader does, once it has said that it runs.
static LOADER: OnceLock<Loader> = OnceLock::new();

enum Loader {
    Takes(Duration),
    Waits(watch::Receiver<bool>, Duration),
    Fails(Duration),
}

/// Runs as one process of a fleet. Words: the server, the row, what the loader does, and in how many
/// milliseconds: `takes` them, `fails` after them, or `waits` for the line `end` and then takes them.
/// Says `ready`, waits for a line, says `load` whenever a loader begins, and at the end how many
/// callers were answered, how many were not, and the slowest one's time in microseconds.
pub(crate) async fn run(words: &[String]) -> Outcome<()> {
    let [server, row, does, millis] = words else { return Err("words are missing".into()) };
    let keeper = Keeper::open(row, server.parse()?).await?;
    let time = Duration::from_millis(millis.parse()?);
    let (end, ended) = watch::channel(false);
    let loader = match &**does {
        "takes" => Loader::Takes(time),
        "waits" => Loader::Waits(ended, time),
        _ => Loader::Fails(time),
    };
    let _ = LOADER.set(loader);
    say("ready");
    told()?;
    std::thread::spawn(move || {
        if told().is_ok() {
            let _ = end.send(true);
        }
    });
    let mut callers = JoinSet::new();
    for _ in 0..CALLERS {
        let keeper = keeper.clone();
        callers.spawn(async move {
            let began = Instant::now();
            let answer = keeper.ask().await;
            (answer.is_ok_and(|value| value == VALUE), began.elapsed())
        });
    }
    let answers = callers.join_all().await;
    let answered = answers.iter().filter(|(answered, _)| *answered).count();
    let slowest = answers.iter().map(|(_, took)| took.as_micros()).max().unwrap_or_default();
    say(&format!("{answered} {} {slowest}", CALLERS - answered));
    Ok(())
}

/// Loads the value, as this process was told to.
pub(super) async fn load() -> Result<u64, io::Error> {
    say("load");
    match LOADER.get() {
        Some(Loader::Takes(time)) => sleep(*time).await,
        Some(Loader::Waits(ended, time)) => {
            let _ = ended.clone().wait_for(|ended| *ended).await;
            sleep(*time).await;
        }
        Some(Loader::Fails(time)) => {
            sleep(*time).await;
            return Err(io::Error::other("down"));
        }
        None => {}
    }
    Ok(VALUE)
}
