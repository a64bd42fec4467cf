//! Entries that have aged: `cargo run --release -- stale` for those past their time to live, and
//! `-- early` for those that are about to end.

mod early;
mod hot;
mod stale;

pub(crate) use self::{early::run as early, hot::run as member, stale::run as stale};
