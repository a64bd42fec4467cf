use bytes::Bytes;

use crate::wire::CasToken;

/// What a command came to, whatever the dialect.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: Status,
    /// The client flags.
    pub(crate) flags: u32,
    /// The version.
    pub(crate) cas: Option<CasToken>,
    /// The seconds left; -1 for ever. The classic dialect never says.
    pub(crate) ttl: Option<i64>,
    /// Whether the item was read before, where it was asked for.
    pub(crate) fetched: Option<bool>,
    /// How many seconds ago the item was last read or written, where it was asked for.
    pub(crate) idle: Option<u64>,
    /// The value, or the digits of a counter.
    pub(crate) data: Option<Bytes>,
    /// Whether the item is marked stale.
    pub(crate) stale: bool,
    /// Who may refresh the item, where somebody is to.
    pub(crate) win: Option<Win>,
}

/// To whom the server gave the right to fill or refresh an item.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Win {
    /// To this reader.
    Won,
    /// To another, before.
    Held,
}

impl Answer {
    /// Returns the answer that says no more than this.
    pub(crate) const fn of(status: Status) -> Self {
        Self {
            status,
            flags: 0,
            cas: None,
            ttl: None,
            fetched: None,
            idle: None,
            data: None,
            stale: false,
            win: None,
        }
    }

    /// Says whether the item is a stub: nothing, put in the place of a missing item while somebody
    /// loads it. An empty value of flags 0 that somebody stored has no winner.
    pub(crate) fn is_stub(&self) -> bool {
        let empty = self.data.as_ref().is_some_and(Bytes::is_empty);
        empty && self.flags == 0 && self.win.is_some()
    }

    /// Says whether this reader may now refresh an item that is there or missing.
    pub(crate) fn is_won(&self) -> bool {
        self.win == Some(Win::Won)
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
