use std::time::Duration;

/// How an item has been used, as its server tells it; what asks for it does not count yet.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Usage {
    /// Whether the item was read since it was stored.
    pub fetched: bool,
    /// How long ago the item was last read or written, in whole seconds.
    pub last_access: Duration,
}

impl Usage {
    /// Returns the usage of an item that was read since it was stored or not, and was last read or
    /// written so long ago.
    pub const fn new(fetched: bool, last_access: Duration) -> Self {
        Self { fetched, last_access }
    }
}
