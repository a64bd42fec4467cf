//! A value as the server keeps it.

use bytes::Bytes;

use crate::flags::Flags;

/// The bytes of a value and the flags that say how to read them.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Payload {
    /// The bytes, as they are stored.
    pub data: Bytes,
    /// The flags, as they are stored.
    pub flags: Flags,
}

impl Payload {
    /// Puts bytes and flags together.
    pub fn new(data: impl Into<Bytes>, flags: Flags) -> Self {
        Self { data: data.into(), flags }
    }
}
