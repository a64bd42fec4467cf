//! Values read without knowing their type.

use bytes::Bytes;

use crate::{codec::plain, error::DecodeError, format::Format, payload::Payload};

/// A value whose type was chosen by its flags.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Decoded {
    /// Raw bytes, or the bytes of a format that only a typed reader understands.
    Bytes(Bytes),
    /// UTF-8 text.
    Text(String),
    /// A decimal integer.
    Integer(i128),
}

impl Payload {
    /// Reads the value by its flags alone, as clients without types do.
    ///
    /// Text and integers are decoded; everything else that is not refused is given back as bytes,
    /// the bytes of bincode and JSON included.
    ///
    /// # Errors
    ///
    /// Fails on pickle, on compressed values that this build does not read or that are damaged or
    /// longer than [`Compression::LIMIT`](crate::compress::Compression::LIMIT), on text that is not
    /// UTF-8 and on integers that are not decimal or do not fit 128 bits.
    ///
    /// ```
    /// use memclient_serde::{Decoded, Flags, Payload};
    ///
    /// let counter = Payload::new("41  ", Flags::INTEGER);
    /// assert_eq!(counter.decoded()?, Decoded::Integer(41));
    /// # Ok::<(), memclient_serde::DecodeError>(())
    /// ```
    pub fn decoded(&self) -> Result<Decoded, DecodeError> {
        let (format, data) = plain::open(self, "a value")?;
        match format {
            Format::Text => plain::text(&data).map(|text| Decoded::Text(text.to_owned())),
            Format::Integer => plain::integer(&data, "integer").map(Decoded::Integer),
            _ => Ok(Decoded::Bytes(data.into_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flags::Flags;

    #[track_caller]
    fn check(bits: u32, data: &'static [u8], expected: impl Into<Option<Decoded>>) {
        let payload = Payload::new(data, Flags::from_bits(bits));
        assert_eq!(payload.decoded().ok(), expected.into(), "{payload:?}");
    }

    #[test]
    fn values_are_read_by_their_flags_alone() {
        check(0, b"\xff", Some(Decoded::Bytes(Bytes::from_static(b"\xff"))));
        check(16, "grün".as_bytes(), Some(Decoded::Text("grün".into())));
        check(2, b"-7", Some(Decoded::Integer(-7)));
        check(4, b"7", Some(Decoded::Integer(7)));
        check(0x8100, b"\x01", Some(Decoded::Bytes(Bytes::from_static(b"\x01"))));
        check(0x40, b"x", Some(Decoded::Bytes(Bytes::from_static(b"x"))));
        check(16, b"\xff", None);
        check(2, b"seven", None);
        check(1, b"\x80\x04N.", None);
        check(8, b"x", None);
        check(0x4000, b"", None);
    }
}
