use std::fmt;

/// A version of one item, given out by the server with a read and handed back with a conditional
/// write.
///
/// A token says nothing about time or order; two tokens of one key are equal exactly when the item
/// was not written in between.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct CasToken(u64);

impl CasToken {
    /// Returns the token with this number, as it stands on the wire.
    pub const fn new(token: u64) -> Self {
        Self(token)
    }

    /// Returns the number that stands on the wire.
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for CasToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}
