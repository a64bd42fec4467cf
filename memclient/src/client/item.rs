use std::time::Duration;

use super::call::unexpected;
use crate::{
    error::Result,
    proto::{Answer, Reply, Status},
    wire::{CasToken, TtlLeft, Value},
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
}

impl Item {
    /// Reads the answer to a read that asked for the version; `ttl_left` where the caller knows it.
    pub(super) fn read(answer: Answer, ttl_left: Option<TtlLeft>) -> Result<Option<Self>> {
        match answer {
            Answer { status: Status::Value, data: Some(data), flags, cas: Some(cas), ttl } => {
                let told = || match ttl {
                    None => TtlLeft::Unknown,
                    Some(seconds) => u64::try_from(seconds).map_or(TtlLeft::Never, |seconds| {
                        TtlLeft::Left(Duration::from_secs(seconds))
                    }),
                };
                let ttl_left = ttl_left.unwrap_or_else(told);
                Ok(Some(Self { value: Value::new(data, flags), cas: CasToken::new(cas), ttl_left }))
            }
            Answer { status: Status::Miss, .. } => Ok(None),
            other => Err(unexpected(&other)),
        }
    }
}

/// Reads the reply to a read that asked for the value alone.
pub(super) fn value(reply: Reply) -> Result<Option<Value>> {
    match reply {
        Reply::Item(item) => Ok(item.map(|(flags, data)| Value::new(data, flags))),
        Reply::Answer(Answer { status: Status::Value, data: Some(data), flags, .. }) => {
            Ok(Some(Value::new(data, flags)))
        }
        Reply::Answer(Answer { status: Status::Miss, .. }) => Ok(None),
        Reply::Refused(refusal) => Err(refusal.into()),
        reply => Err(unexpected(&reply)),
    }
}
