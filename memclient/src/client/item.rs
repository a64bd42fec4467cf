use std::time::Duration;

use super::call::unexpected;
use crate::{
    error::Result,
    proto::{MetaReply, Reply, meta::Status},
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
    /// How long the item will live on, as the server counted when it answered.
    pub ttl_left: TtlLeft,
}

impl Item {
    /// Reads the reply to a `mg` that asked for the value.
    pub(super) fn read(reply: MetaReply) -> Result<Option<Self>> {
        match reply {
            MetaReply {
                status: Status::Value,
                data: Some(data),
                flags,
                cas: Some(cas),
                ttl,
                ..
            } => {
                let ttl_left = match ttl {
                    None => TtlLeft::Unknown,
                    Some(seconds) => u64::try_from(seconds).map_or(TtlLeft::Never, |seconds| {
                        TtlLeft::Left(Duration::from_secs(seconds))
                    }),
                };
                Ok(Some(Self { value: Value::new(data, flags), cas: CasToken::new(cas), ttl_left }))
            }
            MetaReply { status: Status::Miss, .. } => Ok(None),
            other => Err(unexpected(&other)),
        }
    }
}

/// Reads the reply to a plain `get`, in either dialect.
pub(super) fn value(reply: Reply) -> Result<Option<Value>> {
    match reply {
        Reply::Item(item) => Ok(item.map(|(flags, data)| Value::new(data, flags))),
        Reply::Meta(MetaReply { status: Status::Value, data: Some(data), flags, .. }) => {
            Ok(Some(Value::new(data, flags)))
        }
        Reply::Meta(MetaReply { status: Status::Miss, .. }) => Ok(None),
        Reply::Refused(refusal) => Err(refusal.into()),
        reply => Err(unexpected(&reply)),
    }
}
