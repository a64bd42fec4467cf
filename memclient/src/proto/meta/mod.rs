//! The meta commands (protocol.txt, "Meta Commands"): one letter per flag, one reply form for all.

mod reply;
mod request;
mod verb;

pub(super) use self::reply::Head;
pub(crate) use self::{
    reply::MetaReply,
    request::{Arithmetic, Counting, Delete, Get, GetAgain, Set, SetMode, Touch, WireKey},
    verb::{Status, Verb},
};
