use std::{fmt, num::NonZeroU64};

/// A version of one item, given out by the server with a read and handed back with a conditional
/// write.
///
/// A token says nothing about time or order; two tokens of one key are equal exactly when the item
/// was not written in between.
///
/// # After a restart
///
/// A memcached counts its versions from 1, so after a restart a new item may have the version that
/// an old one had. A token that came with a read therefore remembers which incarnation of the server
/// gave it out (its `pid`, and when it started), where `stats` says so: another incarnation is asked
/// for a version that no item has, and answers as to any other token of an old version. What `stats`
/// of a proxy says is that of the proxy, not of the servers behind it.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct CasToken {
    token: u64,
    /// Who gave it out, where that is known.
    incarnation: Option<Incarnation>,
}

/// The time from one start of a server to its end.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) struct Incarnation(NonZeroU64);

/// A version that no item has: servers count from 1, and some of them with a sign.
const NO_VERSION: u64 = i64::MAX as u64;

impl CasToken {
    /// Returns the token with this number, as it stands on the wire. It counts for every incarnation
    /// of the server.
    pub const fn new(token: u64) -> Self {
        Self { token, incarnation: None }
    }

    /// Returns the number that stands on the wire. Made into a token again, it counts for every
    /// incarnation of the server.
    pub const fn get(self) -> u64 {
        self.token
    }

    /// Returns the token as one that this incarnation gave out.
    pub(crate) const fn given_out_by(self, incarnation: Option<Incarnation>) -> Self {
        Self { incarnation, ..self }
    }

    /// Returns the number to send to this incarnation of the server.
    pub(crate) fn sent_to(self, incarnation: Option<Incarnation>) -> u64 {
        match (self.incarnation, incarnation) {
            (Some(own), Some(other)) if own != other => NO_VERSION,
            _ => self.token,
        }
    }
}

impl fmt::Display for CasToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.token, f)
    }
}

impl Incarnation {
    /// Returns the incarnation of the process `pid` that started at this second.
    pub(crate) fn new(pid: u64, start: u64) -> Option<Self> {
        // No two processes of one machine start in one second with the same number; a shift keeps
        // both numbers apart for any that exist.
        NonZeroU64::new(start.rotate_left(32) ^ pid).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_counts_for_the_incarnation_that_gave_it_out() {
        let [first, second] =
            [Incarnation::new(1, 1_700_000_000), Incarnation::new(1, 1_700_000_001)];
        let token = CasToken::new(7).given_out_by(first);
        assert_eq!(token.sent_to(first), 7);
        assert_eq!(token.sent_to(second), NO_VERSION);
        assert_eq!(token.sent_to(None), 7, "a server that does not say who it is");
        assert_eq!(CasToken::new(7).sent_to(second), 7, "a number of the caller's own");
        assert_ne!(token, CasToken::new(7).given_out_by(second));
        assert_ne!(Incarnation::new(2, 1_700_000_000), first);
    }
}
