//! The replies of the classic commands (protocol.txt): one line, items, or lines up to an end.

mod block;
mod line;
mod retrieve;

pub(super) use self::block::cut_block;
pub(crate) use self::{
    block::Block,
    line::Line,
    retrieve::{Accepted, Form, Found, cut_found},
};
