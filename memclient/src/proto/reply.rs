use bytes::Bytes;

use super::{
    answer::{Answer, Status},
    refusal::Refusal,
};
use crate::wire::CasToken;

/// A reply that fits its grammar.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Reply {
    Answer(Answer),
    /// What a gathered `get` found for one key.
    Item(Option<(u32, Bytes)>),
    /// A line that speaks for itself, without its end.
    Line(Bytes),
    /// A line about an item, without its end, and the version that it names.
    Info(Bytes, Option<CasToken>),
    /// Whole lines, without the one that ended them.
    Block(Bytes),
    Refused(Refusal),
}

impl Reply {
    /// Returns the version that the reply gives out, if it does.
    pub(crate) fn cas_mut(&mut self) -> Option<&mut CasToken> {
        match self {
            Self::Answer(answer) => answer.cas.as_mut(),
            Self::Info(_, cas) => cas.as_mut(),
            Self::Item(_) | Self::Line(_) | Self::Block(_) | Self::Refused(_) => None,
        }
    }

    /// Returns what a `get` found, if the reply says no more than that.
    pub(crate) fn into_item(self) -> Result<Option<(u32, Bytes)>, Self> {
        match self {
            Self::Item(item) => Ok(item),
            Self::Answer(Answer {
                status: Status::Value,
                flags,
                data: Some(data),
                cas: None,
                ttl: None,
                fetched: None,
                idle: None,
                stale: false,
                win: None,
            }) if flags != 0 || !data.is_empty() => Ok(Some((flags, data))),
            Self::Answer(answer) if answer == Answer::of(Status::Miss) => Ok(None),
            reply => Err(reply),
        }
    }

    /// Returns the data of the item, if there is one.
    #[inline]
    pub(crate) fn data(&self) -> Option<&Bytes> {
        match self {
            Self::Answer(answer) => answer.data.as_ref(),
            Self::Item(item) => item.as_ref().map(|(_, data)| data),
            Self::Line(_) | Self::Info(..) | Self::Block(_) | Self::Refused(_) => None,
        }
    }
}
