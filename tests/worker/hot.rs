//! A steady load on a few keys that end again and again.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use memclient::{Cache, Policy, TypedCache};
use tokio::{task::JoinSet, time::sleep};

use crate::{Arguments, client, say, told};

/// How often each key is asked for.
const PAUSE: Duration = Duration::from_millis(5);

/// Arguments: the server, the number of keys, the life of an entry and the length of the run in
/// milliseconds, how long a load takes, and `early` or `late`. Says `ready`, waits for the line `go`,
/// and at the end says `done` with the number of calls, of loads, and of calls that found nothing.
pub(crate) async fn run(mut arguments: Arguments) {
    let client = client(&arguments.take::<String>()).await;
    let keys: u64 = arguments.take();
    let (life, length, takes) =
        (arguments.take_millis(), arguments.take_millis(), arguments.take_millis());
    let early = arguments.take::<String>() == "early";
    let cache = Cache::builder().backend(client).without_near().build().unwrap();
    let rates = cache.typed("rate").ttl(life).policy(Policy::new().early(early));
    let rates = Arc::new(rates);
    let mut told = told();
    say("ready");
    assert_eq!(told.recv().await.as_deref(), Some("go"));
    let mut askers = JoinSet::new();
    for key in 0..keys {
        askers.spawn(ask(Arc::clone(&rates), key, length, takes));
    }
    let calls: usize = askers.join_all().await.into_iter().sum();
    let stats = cache.stats();
    say(&format!("done {calls} {} {}", stats.loads, stats.misses));
}

async fn ask(rates: Arc<TypedCache<u64>>, key: u64, length: Duration, takes: Duration) -> usize {
    let (began, mut calls) = (Instant::now(), 0);
    while began.elapsed() < length {
        let load = move || async move {
            sleep(takes).await;
            key
        };
        assert_eq!(rates.get_or_load_in_background(&key, load).await, key);
        calls += 1;
        sleep(PAUSE).await;
    }
    calls
}
