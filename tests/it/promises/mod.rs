//! What the connections promise, held under load, loss and lies, with figures.
//!
//! `cargo test -p memclient-tests --test it promises -- --nocapture` shows the figures. Two
//! variables of the environment change a run: `MEMCLIENT_LONG=1` makes it as long as before a
//! release, and `MEMCLIENT_SEED` repeats what chance did in another one. Times are shown, not
//! asserted: what is asserted is that nothing hangs, and counts.

mod batch;
mod big_and_small;
mod cancel;
mod deadline;
mod down;
mod in_step;
#[cfg(target_os = "linux")]
mod moved;
mod restart;
mod stopped;

use std::{future::Future, time::Duration};

use memclient::{Client, ClientBuilder, Error, Ttl, Value};

/// Longer than anything here takes; passing it is a hang.
const HANG: Duration = Duration::from_secs(60);

async fn within<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(HANG, future).await.expect("it hangs")
}

async fn until_ok<T, F: Future<Output = Result<T, Error>>>(call: impl Fn() -> F) -> T {
    within(async {
        loop {
            match call().await {
                Ok(output) => return output,
                Err(_) => tokio::time::sleep(Duration::from_millis(1)).await,
            }
        }
    })
    .await
}

/// Returns options of a client that waits long enough for a machine that is busy.
fn patient(address: &str) -> ClientBuilder {
    let builder = Client::builder().server(address);
    let builder = builder.connect_timeout(Duration::from_secs(30));
    builder.timeout(Duration::from_secs(30))
}

/// Stores the key as its own value, filled up to `size` bytes.
async fn put(client: &Client, key: &str, size: usize) {
    let stored = within(client.set(key, own_value(key, size), Ttl::Never)).await;
    assert!(stored.unwrap().is_stored());
}

/// Returns the value that says to which key it belongs.
fn own_value(key: &str, size: usize) -> Value {
    let mut data = format!("{key}|").into_bytes();
    data.resize(size.max(data.len()), b'.');
    Value::new(data, 0)
}

/// Makes sure that a value is the key's own.
#[track_caller]
fn assert_own(key: &str, value: &Value) {
    let (own, _) = value.data().split_at(value.data().iter().position(|&b| b == b'|').unwrap());
    assert_eq!(own, key.as_bytes(), "a value of another key");
}

/// The median, the 99th percentile and the longest of some times, as text.
fn spread(times: &mut [Duration]) -> String {
    times.sort_unstable();
    let at = |part: usize| times.get(times.len().saturating_sub(1) * part / 100).copied();
    let [median, most, all] = [50, 99, 100].map(|part| at(part).unwrap_or_default());
    format!("n={} p50={median:.1?} p99={most:.1?} max={all:.1?}", times.len())
}
