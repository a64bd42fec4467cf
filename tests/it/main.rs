//! What memclient promises, held against real servers, lying servers and other programs.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "in a test a panic is the report")]

mod backend_laws;
mod blocking;
mod cache;
mod compression;
mod connection;
mod coverage;
mod fleet;
mod floors;
mod input;
mod keys;
mod leased;
mod leases;
#[allow(
    clippy::items_after_statements,
    clippy::option_option,
    clippy::trivially_copy_pass_by_ref,
    clippy::type_complexity,
    clippy::unnecessary_wraps,
    clippy::unused_async,
    unused_braces,
    reason = "cached functions stand in the tests that call them, as small as they can be"
)]
mod macros;
mod many;
mod near;
mod operations;
mod promises;
mod python;
mod quickstart;
mod scopes;
mod security;
mod sources;
mod stale;
mod tags;
mod topology;
mod values;
mod without_server;
