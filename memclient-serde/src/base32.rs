//! Base32 as in RFC 4648, in lower case: no sign of it means anything in a key.

/// Returns the character for the low 5 bits.
pub(crate) const fn digit(bits: u64) -> u8 {
    DIGITS[(bits & 31) as usize]
}

const DIGITS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
