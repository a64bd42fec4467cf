//! What batches and the near tier hold and allocate, and what hostile values cost their reader, by an
//! allocator that counts: a program of its own, for a program has one allocator.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "in a test a panic is the report")]

mod batch;
mod budget;
mod hits;
mod hostile;

use std::alloc::System;

use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use tokio::sync::{Mutex, MutexGuard};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Keeps the tests of this program from counting each other's blocks.
async fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::const_new(());
    ALONE.lock().await
}

/// Returns the bytes and the blocks that this process holds.
fn held() -> (usize, usize) {
    let stats = ALLOCATOR.stats();
    (stats.bytes_allocated - stats.bytes_deallocated, stats.allocations - stats.deallocations)
}

/// Returns the bytes that this process has allocated so far, those it has given back included.
fn allocated() -> usize {
    ALLOCATOR.stats().bytes_allocated
}

/// Returns the memory of this process but for the pages of its program, in bytes; zero where the
/// system does not say.
fn resident() -> usize {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let mut pages = pages.split(' ').skip(1).map_while(|pages| pages.parse::<usize>().ok());
    let (all, shared) = (pages.next().unwrap_or_default(), pages.next().unwrap_or_default());
    (all - shared) * 4096
}
