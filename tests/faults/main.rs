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
