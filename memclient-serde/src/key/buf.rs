//! The finished text of a key.

use std::{fmt, hash};

/// The longest key that a memcached server takes.
pub(crate) const MAX_KEY: usize = 250;

/// A finished key: printable ASCII without spaces, at most 250 bytes, held in place.
#[derive(Clone, Copy)]
pub struct KeyBuf {
    bytes: [u8; MAX_KEY],
    len: u8,
}

impl KeyBuf {
    /// Takes the first `len` bytes, which the writer has kept printable and within the maximum.
    #[expect(clippy::cast_possible_truncation, reason = "250 fits")]
    pub(crate) fn new(bytes: [u8; MAX_KEY], len: usize) -> Self {
        debug_assert!(bytes[..len].iter().all(u8::is_ascii_graphic));
        Self { bytes, len: len as u8 }
    }

    /// Returns the bytes of the key.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }

    /// Returns the key as text.
    pub fn as_str(&self) -> &str {
        // The writer puts nothing but ASCII into it, so there is no other case.
        std::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }
}

impl AsRef<[u8]> for KeyBuf {
    fn as_ref(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl AsRef<str> for KeyBuf {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl PartialEq for KeyBuf {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for KeyBuf {}

impl hash::Hash for KeyBuf {
    fn hash<H: hash::Hasher>(&self, state: &mut H) {
        self.as_bytes().hash(state);
    }
}

impl fmt::Debug for KeyBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Display for KeyBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
