//! What a server costs its clients and the origin when it restarts, and what a slow one costs the
//! others: `cargo run --release -- storm`, in three parts of a table each.
//!
//! Dials are counted by the kernel, for all processes of a network namespace. Where others dial
//! too, [`unshare`](https://man7.org/linux/man-pages/man1/unshare.1.html) gives the run a namespace
//! of its own; what others dial before a run is shown.

mod dials;
mod herd;
mod restart;
mod rows;
mod slow;

use crate::{machine, options::Options, peers::Outcome};

/// Runs all three parts.
pub(crate) fn run(options: &Options) -> Outcome<()> {
    machine::raise_file_limit();
    restart::run(options)?;
    slow::run(options)?;
    herd::run(options)
}
