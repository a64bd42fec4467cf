//! The classic commands that the meta dialect has no word for.

mod line;
mod server;

pub(crate) use self::{
    line::Line,
    server::{FlushAll, Version},
};
