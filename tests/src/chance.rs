use std::{
    env,
    future::{Future, poll_fn},
    pin::pin,
    task::Poll,
};

/// Says whether a run may take minutes: with `MEMCLIENT_LONG=1`.
pub fn is_long() -> bool {
    env::var_os("MEMCLIENT_LONG").is_some_and(|value| value == "1")
}

/// Returns the seed of all chance in a test, that of `MEMCLIENT_SEED` if it is set, and shows it.
///
/// # Panics
/// When what is set is no number.
pub fn seed(test: &str) -> u64 {
    let seed = match env::var("MEMCLIENT_SEED") {
        Ok(given) => given.parse().unwrap_or_else(|_| panic!("{given:?} is no seed")),
        Err(_) => fastrand::u64(..),
    };
    println!("{test}: MEMCLIENT_SEED={seed}");
    seed
}

/// Polls a future so many times at most, others having their turn in between, and drops it. Returns its
/// output if it was ready.
pub async fn polled<F: Future>(future: F, polls: u32) -> Option<F::Output> {
    let mut future = pin!(future);
    for _ in 0..polls {
        let polled = poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await;
        if let Poll::Ready(output) = polled {
            return Some(output);
        }
        tokio::task::yield_now().await;
    }
    None
}
