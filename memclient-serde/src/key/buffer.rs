//! Collects the bytes of a key, and hashes what does not fit.

use crate::{
    base32::digit,
    key::buf::{KeyBuf, MAX_KEY},
};

/// The bytes written so far.
///
/// Up to the limit they are kept. Beyond it, the hash of all of them is carried on, so that a key
/// of any length takes the same small memory.
pub(crate) struct Buffer {
    bytes: [u8; MAX_KEY],
    limit: usize,
    written: usize,
    overflow: Option<Box<blake3::Hasher>>,
}

/// The mark of a hashed key and the 32 characters (160 bits) behind it.
pub(crate) const TAIL: usize = 1 + 32;

impl Buffer {
    pub(crate) fn new(limit: usize) -> Self {
        let limit = limit.clamp(TAIL, MAX_KEY);
        Self { bytes: [0; MAX_KEY], limit, written: 0, overflow: None }
    }

    /// Appends bytes that are printable ASCII already.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        if let Some(hasher) = &mut self.overflow {
            hasher.update(bytes);
            self.written = self.written.saturating_add(bytes.len());
            return;
        }
        let end = self.written + bytes.len();
        if end <= self.limit {
            self.bytes[self.written..end].copy_from_slice(bytes);
        } else {
            let kept = self.limit - self.written;
            let mut hasher = Box::new(blake3::Hasher::new());
            hasher.update(&self.bytes[..self.written]).update(bytes);
            self.bytes[self.written..self.limit].copy_from_slice(&bytes[..kept]);
            self.overflow = Some(hasher);
        }
        self.written = end;
    }

    /// Returns how many bytes were written, those beyond the limit included.
    pub(crate) fn written(&self) -> usize {
        self.written
    }

    pub(crate) fn finish(self) -> KeyBuf {
        let Some(hasher) = self.overflow else {
            return KeyBuf::new(self.bytes, self.written);
        };
        let mut bytes = self.bytes;
        let head = self.limit - TAIL;
        bytes[head] = b'#';
        base32(&hasher.finalize().as_bytes()[..20], &mut bytes[head + 1..self.limit]);
        KeyBuf::new(bytes, self.limit)
    }
}

/// Writes 5 bits per character, most significant first; `from` has whole groups of 5 bytes.
fn base32(from: &[u8], to: &mut [u8]) {
    for (group, chars) in from.chunks_exact(5).zip(to.chunks_exact_mut(8)) {
        let bits = group.iter().fold(0_u64, |bits, &byte| bits << 8 | u64::from(byte));
        for (i, char) in chars.iter_mut().enumerate() {
            *char = digit(bits >> (35 - 5 * i));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(limit: usize, pieces: &[&str]) -> String {
        let mut buffer = Buffer::new(limit);
        for piece in pieces {
            buffer.push(piece.as_bytes());
        }
        buffer.finish().to_string()
    }

    #[test]
    fn base32_is_that_of_the_rfc() {
        let mut chars = [0; 8];
        base32(b"fooba", &mut chars);
        assert_eq!(&chars, b"mzxw6ytb");
    }

    #[test]
    fn a_key_of_exactly_the_limit_is_kept_and_one_more_byte_is_hashed() {
        let long = "x".repeat(250);
        assert_eq!(key(250, &[&long]), long);
        let hashed = key(250, &[&long, "x"]);
        assert_eq!(hashed.len(), 250);
        assert!(hashed.starts_with(&"x".repeat(217)));
        assert_eq!(&hashed[217..218], "#");
    }

    #[test]
    fn the_hash_covers_the_whole_key_however_it_was_cut() {
        let (a, b) = ("a".repeat(60), "b".repeat(60));
        let whole = key(40, &[&format!("{a}{b}")]);
        for cut in [1, 39, 40, 41, 60, 119] {
            let text = format!("{a}{b}");
            assert_eq!(key(40, &[&text[..cut], &text[cut..]]), whole);
        }
        assert_ne!(key(40, &[&a, &a]), whole);
    }

    #[test]
    fn limits_outside_the_possible_are_the_nearest_possible() {
        let long = "x".repeat(300);
        assert_eq!(key(0, &[&long]).len(), TAIL);
        assert_eq!(key(1000, &[&long]).len(), MAX_KEY);
    }
}
