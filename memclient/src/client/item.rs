use std::time::Duration;

use super::call::unexpected;
use crate::{
    error::Result,
    proto::{Answer, Reply, Status},
    wire::{CasToken, TtlLeft, Usage, Value},
};

/// An item with what the server knows of it.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Item {
    /// The bytes and flags.
    pub value: Value,
    /// The version, for a conditional write.
    pub cas: CasToken,
    /// How long the item will live on, as the server counted when it answered. The classic dialect
    /// does not say.
    pub ttl_left: TtlLeft,
    /// Whether the item was marked stale ([`Delete::stale_for`](crate::backend::Delete::stale_for)).
    /// The classic dialect does not say.
    pub stale: bool,
    /// How it has been used, where that was asked for.
    pub(crate) usage: Option<Usage>,
}

impl Item {
    /// Reads the answer to a read that asked for the version; `ttl_left` where the caller knows it.
    ///
    /// A stub, which stands in the place of a missing item while somebody loads it, is no item.
    pub(super) fn read(answer: Answer, ttl_left: Option<TtlLeft>) -> Result<Option<Self>> {
        if answer.is_stub() {
            return Ok(None);
        }
        match answer {
            Answer {
                status: Status::Value,
                data: Some(data),
                flags,
                cas: Some(cas),
                ttl,
                fetched,
                idle,
                stale,
                ..
            } => {
                let ttl_left =
                    ttl_left.unwrap_or_else(|| ttl.map_or(TtlLeft::Unknown, TtlLeft::of_seconds));
                let value = Value::new(data, flags);
                let usage = fetched.zip(idle);
                let usage =
                    usage.map(|(fetched, idle)| Usage::new(fetched, Duration::from_secs(idle)));
                Ok(Some(Self { value, cas, ttl_left, stale, usage }))
            }
            Answer { status: Status::Miss, .. } => Ok(None),
            other => Err(unexpected(&other)),
        }
    }
}

/// What a read that asked for the value alone has seen.
#[derive(Debug)]
pub(super) enum Seen {
    /// The value, or nothing.
    Value(Option<Value>),
    /// An empty item without flags, of which a gathered `get` does not say whether it is a stub.
    Empty,
    /// A stale item, and the right to refresh it, which nobody asked for.
    Won(Box<Answer>),
}

impl Seen {
    /// Reads the reply to a read that asked for the value alone.
    #[inline]
    pub(super) fn read(reply: Reply) -> Result<Self> {
        match reply {
            Reply::Item(Some((0, data))) if data.is_empty() => Ok(Self::Empty),
            Reply::Item(item) => Ok(Self::Value(item.map(|(flags, data)| Value::new(data, flags)))),
            Reply::Answer(answer) if answer.is_won() => Ok(Self::Won(Box::new(answer))),
            Reply::Answer(answer) => value(answer).map(Self::Value),
            Reply::Refused(refusal) => Err(refusal.into()),
            reply => Err(unexpected(&reply)),
        }
    }
}

/// What a read that asked for the version has seen.
#[derive(Debug)]
pub(super) enum Told {
    /// The item, or nothing.
    Item(Option<Item>),
    /// A stale item, and the right to refresh it, which nobody asked for.
    Won(Box<Answer>),
}

impl Told {
    /// Reads the answer to a read that asked for the version; `ttl_left` where the caller knows it.
    pub(super) fn read(answer: Answer, ttl_left: Option<TtlLeft>) -> Result<Self> {
        if answer.is_won() {
            return Ok(Self::Won(Box::new(answer)));
        }
        Item::read(answer, ttl_left).map(Self::Item)
    }
}

/// Reads the answer to a read that asked for the value alone.
pub(super) fn value(answer: Answer) -> Result<Option<Value>> {
    if answer.is_stub() {
        return Ok(None);
    }
    match answer {
        Answer { status: Status::Value, data: Some(data), flags, .. } => {
            Ok(Some(Value::new(data, flags)))
        }
        Answer { status: Status::Miss, .. } => Ok(None),
        answer => Err(unexpected(&answer)),
    }
}
