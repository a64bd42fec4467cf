use bytes::Bytes;

use super::{meta::MetaReply, refusal::Refusal};

/// A reply that fits its grammar.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Reply {
    Meta(MetaReply),
    /// What a gathered `get` found for one key.
    Item(Option<(u32, Bytes)>),
    Line(Bytes),
    Refused(Refusal),
}
