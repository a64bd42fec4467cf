//! Many callers of this process ask for one key at once.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use memclient::{Cache, Policy, TypedCache};
use tokio::{sync::watch, task::JoinSet, time::sleep};

use crate::{Arguments, client, say, told};

/// What is loaded.
const VALUE: u64 = 7;

/// What a loader does, once it has said that it runs.
#[derive(Clone)]
enum Loader {
    Takes(Duration),
    /// It ends when this process is told so.
    Waits(watch::Receiver<bool>),
    Fails(Duration),
}

/// Arguments: the server, the number of callers, the lease in milliseconds, and what the loader does:
/// `takes` or `fails` and so many milliseconds, or `waits` for the line `end`. Says `ready`, waits for
/// the line `go`, says `load` whenever a loader begins, and at the end how many callers were answered
/// the value, how many an error, and the slowest one's time in microseconds.
pub(crate) async fn run(mut arguments: Arguments) {
    let client = client(&arguments.take::<String>()).await;
    let callers: usize = arguments.take();
    let policy = Policy::new().lease(arguments.take_millis());
    let (end, ended) = watch::channel(false);
    let loader = match &*arguments.take::<String>() {
        "takes" => Loader::Takes(arguments.take_millis()),
        "fails" => Loader::Fails(arguments.take_millis()),
        "waits" => Loader::Waits(ended),
        other => panic!("a loader cannot do {other}"),
    };
    let cache = Cache::builder().backend(client).build().unwrap();
    let rates = cache.typed::<u64>("rate").ttl(Duration::from_secs(3600)).policy(policy);
    let mut told = told();
    say("ready");
    assert_eq!(told.recv().await.as_deref(), Some("go"));
    let asked = tokio::spawn(ask(rates, callers, loader));
    tokio::spawn(async move {
        while let Some(line) = told.recv().await {
            if line == "end" {
                _ = end.send(true);
            }
        }
    });
    let (answered, failed, slowest) = asked.await.unwrap();
    say(&format!("done {answered} {failed} {}", slowest.as_micros()));
}

async fn ask(rates: TypedCache<u64>, callers: usize, loader: Loader) -> (usize, usize, Duration) {
    let (rates, mut tasks) = (Arc::new(rates), JoinSet::new());
    for _ in 0..callers {
        let (rates, loader) = (Arc::clone(&rates), loader.clone());
        tasks.spawn(async move {
            let began = Instant::now();
            let answer = rates.try_get_or_load("EUR", || loader.load()).await;
            (answer, began.elapsed())
        });
    }
    let answers = tasks.join_all().await;
    let answered = answers.iter().filter(|(answer, _)| matches!(answer, Ok(VALUE))).count();
    let failed = answers.iter().filter(|(answer, _)| answer.is_err()).count();
    (answered, failed, answers.iter().map(|(_, took)| *took).max().unwrap_or_default())
}

impl Loader {
    async fn load(self) -> Result<u64, &'static str> {
        say("load");
        match self {
            Self::Takes(time) => sleep(time).await,
            Self::Waits(mut ended) => _ = ended.wait_for(|ended| *ended).await.unwrap(),
            Self::Fails(time) => {
                sleep(time).await;
                return Err("down");
            }
        }
        Ok(VALUE)
    }
}
