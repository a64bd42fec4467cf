//! The short name of a type's shape.

use std::fmt;

use crate::base32::digit;

/// Names the shape of a type in 64 bits, the same on every machine and for ever.
///
/// A cache puts it into its keys, so that a program never reads bytes that another version of it
/// wrote in another shape. It is printed as eight characters of lower-case base32, which carry its
/// first 40 bits.
///
/// ```
/// use memclient_serde::Fingerprint;
///
/// assert_eq!(Fingerprint::of::<Box<u32>>(), Fingerprint::of::<u32>());
/// assert_ne!(Fingerprint::of::<Vec<u32>>(), Fingerprint::of::<Vec<u64>>());
/// assert_eq!(Fingerprint::of::<u32>().to_string().len(), 8);
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Fingerprint(u64);

impl Fingerprint {
    /// Takes bits that [`bits`](Self::bits) returned.
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// Returns all 64 bits.
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// Returns the eight ASCII characters that stand for it in a key.
    pub const fn chars(self) -> [u8; 8] {
        let mut chars = [0; 8];
        let mut i = 0;
        while i < chars.len() {
            let shift = 64 - 5 * (i + 1);
            chars[i] = digit(self.0 >> shift);
            i += 1;
        }
        chars
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for char in self.chars() {
            fmt::Write::write_char(f, char::from(char))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_characters_are_the_first_forty_bits() {
        assert_eq!(Fingerprint::from_bits(0).to_string(), "aaaaaaaa");
        assert_eq!(Fingerprint::from_bits(u64::MAX).to_string(), "77777777");
        assert_eq!(Fingerprint::from_bits(0b00001_00010 << 54).to_string(), "bcaaaaaa");
        assert_eq!(Fingerprint::from_bits(0xff_ffff).to_string(), "aaaaaaaa");
    }
}
