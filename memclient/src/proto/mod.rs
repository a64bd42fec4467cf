//! The memcached protocol as pure functions over byte buffers: no socket, no clock, no async.
//!
//! A request writes itself ([`Request`]) in the dialect that is spoken on its connection ([`Spoken`])
//! and names the grammar of its reply ([`Grammar`]); [`cut`] takes the next reply off a growing
//! buffer, checks it against that grammar, and says what is out of step. Replies of both dialects
//! come to the same [`Answer`]s. The protocol text meant throughout is memcached's doc/protocol.txt.

mod answer;
mod ascii;
pub(crate) mod classic;
pub(crate) mod command;
mod dialect;
mod framing;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
#[cfg(test)]
mod hostile;
mod key;
mod limits;
mod meta;
mod opaque;
mod out_of_step;
mod refusal;
mod reply;
mod request;

pub use self::dialect::Dialect;
pub(crate) use self::{
    answer::{Answer, Status, Win},
    dialect::Spoken,
    framing::{cut, leaves_in_step},
    key::WireKey,
    limits::Limits,
    opaque::Opaque,
    out_of_step::OutOfStep,
    reply::Reply,
    request::{Grammar, Request},
};
