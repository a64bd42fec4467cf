//! Promises of the whole crate: what is stored is read back, what is hostile is refused, keys and
//! fingerprints stay what they are.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

mod compression;
#[cfg(any(feature = "bincode", feature = "json"))]
mod hostile;
mod keys;
#[cfg(any(feature = "bincode", feature = "json"))]
mod roundtrip;
mod shapes;
