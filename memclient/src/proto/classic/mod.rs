//! The classic commands that the meta dialect has no word for.

mod line;
mod retrieve;
mod server;

pub(crate) use self::{
    line::Line,
    retrieve::{Found, cut_found},
    server::{FlushAll, Version},
};
