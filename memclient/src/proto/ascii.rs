//! Decimal numbers and quoting, shared by every grammar.

use bytes::BytesMut;

/// What the largest number has.
const MAX_DIGITS: usize = 20;

/// Reads a whole token as a decimal number; `None` where it is none or does not fit, or has more
/// digits than any number, zeros in front of one included.
pub(crate) fn decimal(token: &[u8]) -> Option<u64> {
    leading_decimal(token).filter(|(_, rest)| rest.is_empty()).map(|(number, _)| number)
}

/// Reads the decimal number that a text begins with, and returns it with what stands behind it; `None`
/// as of [`decimal`].
pub(crate) fn leading_decimal(text: &[u8]) -> Option<(u64, &[u8])> {
    let (mut number, mut rest) = (0u64, text);
    while let [digit @ b'0'..=b'9', more @ ..] = rest {
        number = number.checked_mul(10)?.checked_add(u64::from(digit & 0xF))?;
        rest = more;
    }
    (1..=MAX_DIGITS).contains(&(text.len() - rest.len())).then_some((number, rest))
}

/// Reads a whole token as a decimal number that may be negative.
pub(crate) fn signed(token: &[u8]) -> Option<i64> {
    match token.strip_prefix(b"-") {
        Some(digits) => decimal(digits).and_then(|number| 0i64.checked_sub_unsigned(number)),
        None => decimal(token).and_then(|number| i64::try_from(number).ok()),
    }
}

/// Appends a number in decimal.
pub(crate) fn put(out: &mut BytesMut, number: impl itoa::Integer) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

/// Appends ` <letter><number>`, a flag of a meta request.
pub(crate) fn put_flag(out: &mut BytesMut, letter: u8, number: impl itoa::Integer) {
    out.extend_from_slice(&[b' ', letter]);
    put(out, number);
}

/// Returns the head of bytes from outside, safe to print.
pub(crate) fn quote(bytes: &[u8]) -> String {
    const SHOWN: usize = 80;
    match bytes.get(..SHOWN) {
        Some(head) => format!("\"{}…\"", head.escape_ascii()),
        None => format!("\"{}\"", bytes.escape_ascii()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_whole_or_not_at_all() {
        assert_eq!(decimal(b"0"), Some(0));
        assert_eq!(decimal(b"18446744073709551615"), Some(u64::MAX));
        assert_eq!(decimal(b"00000000000000000007"), Some(7));
        assert_eq!(decimal(b"000000000000000000007"), None);
        for wrong in [&b""[..], b"-1", b"+1", b"1 ", b" 1", b"1a", b"18446744073709551616", b"\xff"]
        {
            assert_eq!(decimal(wrong), None, "{}", quote(wrong));
        }
        assert_eq!(signed(b"-1"), Some(-1));
        assert_eq!(signed(b"-9223372036854775808"), Some(i64::MIN));
        assert_eq!(signed(b"9223372036854775808"), None);
        assert_eq!(signed(b"-"), None);
    }
}
