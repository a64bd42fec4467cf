//! Networks and servers at their worst: what goes wrong is chosen by chance, and every answer is
//! held against what was written.
//!
//! `MEMCLIENT_SEED` repeats what chance did in another run, `MEMCLIENT_LONG=1` makes the run as long
//! as before a release.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    reason = "in a test a panic is the report"
)]

mod hostile;
mod integrity;

use std::time::Duration;

/// Longer than anything here takes; passing it is a hang.
const HANG: Duration = Duration::from_secs(60);

/// Returns the seed of all chance in a test, and shows it.
fn seed(test: &str) -> u64 {
    let given = std::env::var("MEMCLIENT_SEED").ok();
    let seed = given.map_or_else(|| fastrand::u64(..), |text| text.parse().unwrap());
    println!("{test}: MEMCLIENT_SEED={seed}");
    seed
}
