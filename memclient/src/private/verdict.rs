//! What becomes of what a function returned: `cache_if` and `ttl_for`.

use super::outcome::Holds;
use crate::{cache::Policy, wire::Ttl};

/// Whether a result is kept, and how long.
#[derive(Clone, Copy, Debug)]
pub enum Verdict {
    Leave,
    Keep,
    KeepFor(Ttl),
}

/// Asks whether a value is kept; an error and `None` have none to ask about.
pub fn keeps<V, R: Holds<V>>(returned: &R, judge: impl FnOnce(&V) -> bool) -> Verdict {
    if returned.held().is_none_or(judge) { Verdict::Keep } else { Verdict::Leave }
}

/// Asks how long a value is kept.
pub fn lives<V, R: Holds<V>, L: Into<Ttl>>(returned: &R, life: impl FnOnce(&V) -> L) -> Verdict {
    returned.held().map_or(Verdict::Keep, |value| Verdict::KeepFor(life(value).into()))
}

/// Returns a policy under which a value is kept for so long.
pub fn life_of<V, L: Into<Ttl>>(value: &V, life: impl FnOnce(&V) -> L) -> Policy {
    Policy::new().ttl(life(value))
}

impl Verdict {
    /// Asks further where the result is kept.
    pub fn and(self, further: impl FnOnce() -> Self) -> Self {
        match self {
            Self::Leave => self,
            Self::Keep | Self::KeepFor(_) => further(),
        }
    }
}
