//! The formats without a codec: bytes, text and decimal integers.

use std::borrow::Cow;

use bytes::Bytes;

use crate::{error::DecodeError, format::Format, payload::Payload};

/// Returns the format of a value that can be read at all, and its bytes without compression.
///
/// Every decoding begins here.
pub(crate) fn open<'a>(
    payload: &'a Payload,
    expected: &'static str,
) -> Result<(Format, Cow<'a, Bytes>), DecodeError> {
    if payload.flags.is_absent() {
        return Err(DecodeError::absent(expected));
    }
    match payload.flags.format() {
        format @ Format::Pickle => Err(DecodeError::unsupported(format)),
        format => Ok((format, payload.plain_data()?)),
    }
}

/// Returns the bytes as text.
pub(crate) fn text(data: &[u8]) -> Result<&str, DecodeError> {
    std::str::from_utf8(data).map_err(DecodeError::text)
}

/// Reads decimal digits with an optional minus before and spaces behind.
///
/// The server leaves spaces behind a counter that `decr` made shorter.
pub(crate) fn integer<T>(data: &[u8], expected: &'static str) -> Result<T, DecodeError>
where
    T: std::str::FromStr,
{
    let mut digits = data;
    while let [rest @ .., b' '] = digits {
        digits = rest;
    }
    let unsigned = digits.strip_prefix(b"-").unwrap_or(digits);
    if unsigned.is_empty() || !unsigned.iter().all(u8::is_ascii_digit) {
        return Err(DecodeError::integer(expected, "other than digits were found"));
    }
    text(digits)?.parse().map_err(|_| DecodeError::integer(expected, "the number is out of range"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_digits_and_nothing_else() {
        for (data, expected) in [
            ("0", Some(0)),
            ("-128", Some(-128)),
            ("127", Some(127)),
            ("007", Some(7)),
            ("9  ", Some(9)),
            ("128", None),
            ("", None),
            (" ", None),
            ("-", None),
            ("+1", None),
            (" 1", None),
            ("1 2", None),
            ("1\n", None),
            ("1.0", None),
            ("--1", None),
            ("99999999999999999999999999999999999999999999999", None),
        ] {
            assert_eq!(integer::<i8>(data.as_bytes(), "i8").ok(), expected, "{data:?}");
        }
        assert!(integer::<u8>(b"-1", "u8").is_err());
    }
}
