//! The classic commands that the meta dialect has no word for.

mod auth;
mod line;
mod retrieve;
mod server;

pub(crate) use self::{
    auth::Auth,
    line::Line,
    retrieve::{Found, cut_found},
    server::{FlushAll, Version},
};
