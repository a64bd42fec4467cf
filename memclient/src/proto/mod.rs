//! The memcached protocol as pure functions over byte buffers: no socket, no clock, no async.
//!
//! A request writes itself ([`Request`]) and names the grammar of its reply ([`Grammar`]); [`cut`]
//! takes the next reply off a growing buffer, checks it against that grammar, and says what is out
//! of step. The protocol text meant throughout is memcached's doc/protocol.txt.

mod ascii;
pub(crate) mod classic;
mod framing;
pub(crate) mod meta;
mod opaque;
mod out_of_step;
mod refusal;
mod request;

pub(crate) use self::{
    framing::{Cut, Limits, Reply, cut},
    meta::MetaReply,
    opaque::Opaque,
    out_of_step::OutOfStep,
    request::{Grammar, Request},
};
