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
