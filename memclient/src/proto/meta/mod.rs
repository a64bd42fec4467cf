//! The meta commands (protocol.txt, "Meta Commands"): one letter per flag, one reply form for all.

mod reply;
mod verb;

pub(super) use self::reply::Head;
pub(crate) use self::verb::Verb;
