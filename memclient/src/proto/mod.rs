//! The memcached protocol as pure functions over byte buffers: no socket, no clock, no async.
//!
//! A request writes itself ([`Request`]) and names the grammar of its reply ([`Grammar`]); [`cut`]
//! takes the next reply off a growing buffer, checks it against that grammar, and says what is out
//! of step. The protocol text meant throughout is memcached's doc/protocol.txt.

mod ascii;
pub(crate) mod classic;
mod framing;
mod limits;
pub(crate) mod meta;
mod opaque;
mod out_of_step;
mod refusal;
mod reply;
mod request;

pub(crate) use self::{
    framing::cut,
    limits::Limits,
    meta::MetaReply,
    opaque::Opaque,
    out_of_step::OutOfStep,
    reply::Reply,
    request::{Grammar, Request},
};
