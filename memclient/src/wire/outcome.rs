/// What a `set`, `add`, `replace`, `append` or `prepend` came to.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[must_use = "a write that was not stored looks like success when its outcome is dropped"]
pub enum Stored {
    /// The item is stored.
    Stored,
    /// The condition of the command did not hold: an `add` met an item, the others met none.
    NotStored,
    /// The command was sent and nobody waited for its answer: what it came to is not known. Only a
    /// client that was told not to wait
    /// ([`default_noreply`](crate::ClientBuilder::default_noreply)) says so.
    Unconfirmed,
}

impl Stored {
    /// Returns true when the item is known to be stored.
    pub const fn is_stored(self) -> bool {
        matches!(self, Self::Stored)
    }
}

/// What a conditional write came to.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[must_use = "a lost race looks like success when its outcome is dropped"]
pub enum CasOutcome {
    /// The item was unchanged since the token was read, and is now the new one.
    Stored,
    /// Somebody else wrote the item since the token was read; nothing was changed.
    Exists,
    /// The item is gone; nothing was stored.
    NotFound,
}

impl CasOutcome {
    /// Returns true when the item is stored.
    pub const fn is_stored(self) -> bool {
        matches!(self, Self::Stored)
    }
}

/// What a delete came to.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Deleted {
    /// The item was there and is gone.
    Deleted,
    /// There was no such item.
    NotFound,
    /// The item is there, in another version than the one named; nothing was changed.
    Exists,
    /// The command was sent and nobody waited for its answer; see [`Stored::Unconfirmed`].
    Unconfirmed,
}

impl Deleted {
    /// Returns true when an item is known to have been removed.
    pub const fn is_deleted(self) -> bool {
        matches!(self, Self::Deleted)
    }
}

/// What a touch came to.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Touched {
    /// The item has the new time to live.
    Touched,
    /// There was no such item.
    NotFound,
    /// The command was sent and nobody waited for its answer; see [`Stored::Unconfirmed`].
    Unconfirmed,
}

impl Touched {
    /// Returns true when the item is known to have been there.
    pub const fn is_touched(self) -> bool {
        matches!(self, Self::Touched)
    }
}
