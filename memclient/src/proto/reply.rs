use bytes::Bytes;

use super::{answer::Answer, refusal::Refusal};

/// A reply that fits its grammar.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Reply {
    Answer(Answer),
    /// What a gathered `get` found for one key.
    Item(Option<(u32, Bytes)>),
    /// A line that speaks for itself, without its end.
    Line(Bytes),
    /// Whole lines, without the one that ended them.
    Block(Bytes),
    Refused(Refusal),
}

impl Reply {
    /// Returns the data of the item, if there is one.
    pub(crate) fn data(&self) -> Option<&Bytes> {
        match self {
            Self::Answer(answer) => answer.data.as_ref(),
            Self::Item(item) => item.as_ref().map(|(_, data)| data),
            Self::Line(_) | Self::Block(_) | Self::Refused(_) => None,
        }
    }
}
