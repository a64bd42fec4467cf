//! One process that asks all the time.

use std::time::{Duration, Instant, SystemTime};

use memclient::{Cache, Client, Policy, TypedCache};
use tokio::{task::JoinSet, time::sleep};

use crate::{
    members::{say, told},
    peers::Outcome,
};

/// Runs as one process of several. Words: the server, the number of keys, in milliseconds the life of
/// an entry, the length of the run and what a load takes, and `early` or `late`. Says `ready`, waits
/// for a line, says `load`, the key and the time whenever a loader begins; at the end `done`, the
/// number of calls, of those that found nothing, and the time of each in microseconds.
pub(crate) async fn run(words: &[String]) -> Outcome<()> {
    let [server, keys, life, length, takes, when] = words else {
        return Err("words are missing".into());
    };
    let millis = |word: &String| word.parse().map(Duration::from_millis);
    let (life, length, takes) = (millis(life)?, millis(length)?, millis(takes)?);
    let client = Client::builder().server(server.clone()).build()?;
    client.get("nothing").await?;
    let cache = Cache::builder().backend(client).without_near().build()?;
    let rates = cache.typed("rate").ttl(life).policy(Policy::new().early(when == "early"));
    say("ready");
    told()?;
    let mut askers = JoinSet::new();
    for key in 0..keys.parse()? {
        askers.spawn(ask(rates.clone(), key, length, takes));
    }
    let times: Vec<String> = askers.join_all().await.into_iter().flatten().collect();
    say(&format!("done {} {} {}", times.len(), cache.stats().misses, times.join(" ")));
    Ok(())
}

/// Asks until the time is over; returns how long each answer took.
async fn ask(rates: TypedCache<u64>, key: u64, length: Duration, takes: Duration) -> Vec<String> {
    let (began, mut times) = (Instant::now(), Vec::new());
    while began.elapsed() < length {
        let load = move || async move {
            let now = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
            say(&format!("load {key} {}", now.as_millis()));
            sleep(takes).await;
            key
        };
        let asked = Instant::now();
        rates.get_or_load_in_background(&key, load).await;
        times.push(asked.elapsed().as_micros().to_string());
        sleep(Duration::from_millis(5)).await;
    }
    times
}
