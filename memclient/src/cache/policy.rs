use std::time::Duration;

use memclient_serde::Compression;

use crate::wire::Ttl;

/// How entries are kept. What is not set is taken from the cache's own policy, and that from the
/// defaults.
///
/// ```
/// use std::time::Duration;
/// use memclient::Policy;
///
/// let policy = Policy::new().ttl(Duration::from_secs(600)).none(Duration::from_secs(30));
/// # let _ = policy;
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[must_use]
pub struct Policy {
    ttl: Option<Ttl>,
    none: Option<Duration>,
    compression: Option<Compression>,
}

impl Policy {
    /// What holds where nobody says otherwise: long enough to take load away, short enough that a
    /// forgotten invalidation heals by itself.
    const DEFAULT_TTL: Ttl = Ttl::secs(5 * 60);

    /// Returns a policy that sets nothing.
    pub const fn new() -> Self {
        Self { ttl: None, none: None, compression: None }
    }

    /// Sets how long entries live. Defaults to 5 minutes.
    pub fn ttl(mut self, ttl: impl Into<Ttl>) -> Self {
        self.ttl = Some(ttl.into());
        self
    }

    /// Keeps the answer "there is none" too, for this long. Defaults to not keeping it.
    pub const fn none(mut self, ttl: Duration) -> Self {
        self.none = Some(ttl);
        self
    }

    /// Sets how values are compressed when they are stored; reading them needs no setting. Defaults
    /// to not at all.
    pub const fn compression(mut self, compression: Compression) -> Self {
        self.compression = Some(compression);
        self
    }

    /// Returns this policy with what it does not set taken from `base`.
    pub(crate) fn over(self, base: Self) -> Self {
        Self {
            ttl: self.ttl.or(base.ttl),
            none: self.none.or(base.none),
            compression: self.compression.or(base.compression),
        }
    }

    /// Returns how long a value lives.
    pub(crate) fn value_ttl(self) -> Ttl {
        self.ttl.unwrap_or(Self::DEFAULT_TTL)
    }

    /// Returns how values are compressed.
    pub(crate) fn value_compression(self) -> Compression {
        self.compression.unwrap_or(Compression::NONE)
    }

    /// Returns how long "there is none" lives, if it is kept at all.
    pub(crate) fn none_ttl(self) -> Option<Ttl> {
        self.none.map(Ttl::After)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_nearer_to_the_call_wins() {
        let base = Policy::new().ttl(Duration::from_secs(1)).none(Duration::from_secs(2));
        let policy = Policy::new().ttl(Duration::from_secs(3)).over(base);
        assert_eq!(policy.value_ttl(), Ttl::secs(3));
        assert_eq!(policy.none_ttl(), Some(Ttl::secs(2)));
        let off = Policy::new().compression(Compression::NONE);
        assert_eq!(off.over(base.compression(off.value_compression())), off.over(base));
        assert_eq!(Policy::new().none_ttl(), None);
        assert_eq!(Policy::new().value_ttl(), Policy::DEFAULT_TTL);
    }
}
