//! Every operation of the client against a real memcached, in every set-up, and what scripted
//! servers answer.
//!
//! A promise is written once, as a function of an [`At`]; `in_every_setup!` makes a test of it in
//! each set-up that [`at`] lists.

#[macro_use]
mod at;

mod admin;
mod caller;
mod commands;
mod count;
mod dialect;
mod errors;
mod fail_open;
mod gat;
mod info;
mod lives;
mod modify;
mod raw;
mod repeats;
mod retrieve;
mod splits;
mod stats;
mod store;
mod unconfirmed;
mod values;

use self::at::At;
