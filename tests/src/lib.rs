//! What the integration tests stand on: real servers, scripted servers, other programs.
//!
//! | subject | type |
//! |---|---|
//! | a memcached process on loopback, stopped whatever happens | [`Memcached`] |
//! | certificates from an authority of one's own | [`Certificates`] |
//! | a server that follows a script, byte by byte | [`Scripted`] with a [`Script`] |
//! | a server whose answers a function decides | [`Scripted::answering`] with [`Request`] and [`Answer`] |
//! | a proxy that delays, splits, holds, loses and cuts | [`Proxy`] with [`Faults`] and a [`Mode`] |
//! | a program with a timeout: an example, a script | [`Program`] |
//! | several processes of a program, talked to by lines | [`Fleet`] |
//! | a seed, how long a run may be, a call that is dropped | [`seed`], [`is_long`], [`polled`] |
//! | the memory of this process | [`memory()`], [`Peak`] |
//! | many tasks over all of this at its worst, and every answer checked | [`integrity`] |
//! | pymemcache, as the other side of interoperability | [`Python`] |
//!
//! Nothing here depends on the clock of the runtime that a test runs on, so tests under a paused
//! clock may use all of it: whatever waits, waits on a thread of its own.

mod certificates;
mod chance;
mod child;
mod fleet;
pub mod integrity;
mod launch;
mod memcached;
mod memory;
mod mischief;
mod peer;
mod process;
mod proxy;
mod python;
mod raw;
mod recording;
mod request;
mod script;
mod scripted;

pub use certificates::Certificates;
pub use chance::{is_long, polled, seed};
pub use fleet::{Fleet, Heard};
pub use memcached::{Builder, Item, Memcached};
pub use memory::{Peak, memory};
pub use mischief::Mischief;
pub use process::{Output, Program};
pub use proxy::{Faults, Mode, Proxy};
pub use python::{PyValue, Python};
pub use request::{Answer, Request};
pub use script::{Gate, Script};
pub use scripted::Scripted;
