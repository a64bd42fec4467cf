use bytes::Bytes;

/// What a command came to, whatever the dialect.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: Status,
    /// The client flags.
    pub(crate) flags: u32,
    /// The version.
    pub(crate) cas: Option<u64>,
    /// The seconds left; -1 for ever. The classic dialect never says.
    pub(crate) ttl: Option<i64>,
    /// The value, or the digits of a counter.
    pub(crate) data: Option<Bytes>,
}

impl Answer {
    /// Returns the answer that says no more than this.
    pub(crate) const fn of(status: Status) -> Self {
        Self { status, flags: 0, cas: None, ttl: None, data: None }
    }
}

/// What the head of a reply says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Status {
    /// A value follows.
    Value,
    /// Done.
    Done,
    /// A read found no item.
    Miss,
    /// The command's condition did not hold.
    NotStored,
    /// The item is there, in another version.
    Exists,
    /// A change found no item.
    NotFound,
}
