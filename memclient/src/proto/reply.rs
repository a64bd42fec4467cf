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

impl Reply {
    /// Returns the data of the item, if there is one.
    pub(crate) fn data(&self) -> Option<&Bytes> {
        match self {
            Self::Meta(reply) => reply.data.as_ref(),
            Self::Item(item) => item.as_ref().map(|(_, data)| data),
            Self::Line(_) | Self::Refused(_) => None,
        }
    }
}
