//! How much a call moves, and which keys have large values.
//!
//! What a get will bring is not known before; so the keys whose values were large lately are
//! remembered, by a tag of 32 bits each. Two keys with one tag, or one that was forgotten for
//! another, cost a detour or a wait, and nothing else.

use std::{
    fmt,
    hash::BuildHasher,
    sync::atomic::{AtomicBool, AtomicU32, Ordering},
};

use crate::chance::{Placing, placing};

/// From so many requests on, a call keeps those behind it waiting.
const MANY: usize = 32;

/// From so many bytes on, in either direction, a call keeps those behind it waiting.
pub(crate) const LARGE: usize = 16 * 1024;

/// How many keys are remembered.
const REMEMBERED: usize = 4096;

/// How much a call moves.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Size {
    Small,
    /// Many small things at once.
    Batch,
    Large,
}

impl Size {
    /// Returns the size of so many requests that move so many bytes, as far as is known.
    pub(crate) fn of(requests: usize, bytes: usize) -> Self {
        if requests >= MANY {
            Self::Batch
        } else if bytes >= LARGE {
            Self::Large
        } else {
            Self::Small
        }
    }
}

/// The keys whose values were large lately.
pub(super) struct LargeKeys {
    /// Whether there ever was one: most clients have none, and then nothing is hashed.
    any: AtomicBool,
    hasher: Placing,
    tags: Box<[AtomicU32]>,
}

impl LargeKeys {
    pub(super) fn new() -> Self {
        let tags = (0..REMEMBERED).map(|_| AtomicU32::new(0)).collect();
        Self { any: AtomicBool::new(false), hasher: placing(), tags }
    }

    /// Notes how many bytes the value of a key has.
    #[inline]
    pub(super) fn note(&self, key: &[u8], bytes: usize) {
        let large = bytes >= LARGE;
        if large && !self.any.load(Ordering::Relaxed) {
            self.any.store(true, Ordering::Relaxed);
        }
        let Some((place, tag)) = self.tag(key) else { return };
        let known = place.load(Ordering::Relaxed) == tag;
        if large != known {
            place.store(if large { tag } else { 0 }, Ordering::Relaxed);
        }
    }

    /// Says whether the value of the key was large when it was last seen, as far as is remembered.
    #[inline]
    pub(super) fn knows(&self, key: &[u8]) -> bool {
        self.tag(key).is_some_and(|(place, tag)| place.load(Ordering::Relaxed) == tag)
    }

    /// Returns where the key is remembered, and as what.
    #[inline]
    fn tag(&self, key: &[u8]) -> Option<(&AtomicU32, u32)> {
        if !self.any.load(Ordering::Relaxed) {
            return None;
        }
        let hash = self.hasher.hash_one(key);
        let place = usize::try_from(hash >> 32).unwrap_or(0) % REMEMBERED;
        // Zero is the place's mark of having none.
        let tag = u32::try_from(hash & u64::from(u32::MAX)).unwrap_or(1).max(1);
        Some((self.tags.get(place)?, tag))
    }
}

impl fmt::Debug for LargeKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LargeKeys").field("any", &self.any).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_known_for_as_long_as_its_value_is_large() {
        let keys = LargeKeys::new();
        keys.note(b"small", 100);
        assert!(!keys.knows(b"small"));
        keys.note(b"large", LARGE);
        assert!(keys.knows(b"large"));
        assert!(!keys.knows(b"small"));
        keys.note(b"large", LARGE - 1);
        assert!(!keys.knows(b"large"));
    }

    #[test]
    fn the_latest_of_more_keys_than_are_remembered_are_known() {
        let keys = LargeKeys::new();
        for key in 0..3 * REMEMBERED {
            keys.note(&key.to_be_bytes(), LARGE);
        }
        let known = (2 * REMEMBERED..3 * REMEMBERED).filter(|key| keys.knows(&key.to_be_bytes()));
        assert!(known.count() > REMEMBERED / 2);
    }
}
