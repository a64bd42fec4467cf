//! Values that are stored without a codec: text, bytes and integers.

use std::{borrow::Cow, num::NonZero, sync::Arc};

use bytes::Bytes;

use crate::{
    codec::plain,
    error::{DecodeError, EncodeError},
    flags::Flags,
    format::Format,
    payload::Payload,
    value::CacheValue,
};

macro_rules! texts {
    ($($type:ty)*) => {$(
        impl CacheValue for $type {
            fn encode(&self) -> Result<Payload, EncodeError> {
                Ok(Payload::new(Bytes::copy_from_slice(self.as_bytes()), Flags::TEXT))
            }

            fn decode(payload: &Payload) -> Result<Self, DecodeError> {
                const EXPECTED: &str = "UTF-8 text";
                match plain::open(payload, EXPECTED)? {
                    (Format::Text | Format::Bytes, data) => {
                        plain::text(&data).map(|text| text.to_owned().into())
                    }
                    (other, _) => Err(DecodeError::mismatch(EXPECTED, other)),
                }
            }
        }
    )*};
}

texts! { String Box<str> Arc<str> Cow<'static, str> }

impl CacheValue for Bytes {
    fn encode(&self) -> Result<Payload, EncodeError> {
        Ok(Payload::new(self.clone(), Flags::BYTES))
    }

    fn decode(payload: &Payload) -> Result<Self, DecodeError> {
        raw(payload).map(Cow::into_owned)
    }
}

macro_rules! slices {
    ($($type:ty)*) => {$(
        impl CacheValue for $type {
            fn encode(&self) -> Result<Payload, EncodeError> {
                Ok(Payload::new(Bytes::copy_from_slice(self), Flags::BYTES))
            }

            fn decode(payload: &Payload) -> Result<Self, DecodeError> {
                raw(payload).map(|data| data[..].into())
            }
        }
    )*};
}

slices! { Box<[u8]> Arc<[u8]> }

// Without a codec no other list can be written.
#[cfg(not(any(feature = "bincode", feature = "json")))]
slices! { Vec<u8> }

/// Returns the bytes of a value that is stored as bytes.
pub(crate) fn raw(payload: &Payload) -> Result<Cow<'_, Bytes>, DecodeError> {
    const EXPECTED: &str = "raw bytes";
    match plain::open(payload, EXPECTED)? {
        (Format::Bytes | Format::Text, data) => Ok(data),
        (other, _) => Err(DecodeError::mismatch(EXPECTED, other)),
    }
}

macro_rules! integers {
    ($($type:ident)*) => {$(
        impl CacheValue for $type {
            fn encode(&self) -> Result<Payload, EncodeError> {
                let mut digits = itoa::Buffer::new();
                let digits = digits.format(*self).as_bytes();
                Ok(Payload::new(Bytes::copy_from_slice(digits), Flags::INTEGER))
            }

            fn decode(payload: &Payload) -> Result<Self, DecodeError> {
                integer(payload, stringify!($type))
            }
        }

        impl CacheValue for NonZero<$type> {
            fn encode(&self) -> Result<Payload, EncodeError> {
                self.get().encode()
            }

            fn decode(payload: &Payload) -> Result<Self, DecodeError> {
                integer(payload, concat!("nonzero ", stringify!($type)))
            }
        }
    )*};
}

integers! { i8 i16 i32 i64 i128 isize u8 u16 u32 u64 u128 usize }

fn integer<T: std::str::FromStr>(
    payload: &Payload,
    expected: &'static str,
) -> Result<T, DecodeError> {
    const EXPECTED: &str = "a decimal integer";
    match plain::open(payload, EXPECTED)? {
        (Format::Integer | Format::Bytes, data) => plain::integer(&data, expected),
        (other, _) => Err(DecodeError::mismatch(EXPECTED, other)),
    }
}

macro_rules! pointers {
    ($($pointer:ident)*) => {$(
        impl<T: CacheValue> CacheValue for $pointer<T> {
            fn encode(&self) -> Result<Payload, EncodeError> {
                (**self).encode()
            }

            fn decode(payload: &Payload) -> Result<Self, DecodeError> {
                T::decode(payload).map(Self::new)
            }
        }
    )*};
}

pointers! { Arc Box }

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::DecodeErrorKind;

    fn payload(bits: u32, data: &'static [u8]) -> Payload {
        Payload::new(data, Flags::from_bits(bits))
    }

    #[test]
    fn plain_values_are_stored_as_other_clients_store_them() {
        assert_eq!("é".to_owned().encode().unwrap(), payload(16, "é".as_bytes()));
        assert_eq!(Bytes::from_static(b"\0").encode().unwrap(), payload(0, b"\0"));
        assert_eq!((-7_i64).encode().unwrap(), payload(2, b"-7"));
        assert_eq!(u128::MAX.encode().unwrap().data, u128::MAX.to_string());
        assert_eq!(Arc::new(NonZero::new(7_u8).unwrap()).encode().unwrap(), payload(2, b"7"));
    }

    #[test]
    fn plain_values_are_read_from_their_kin() {
        assert_eq!(String::decode(&payload(0, b"a")).unwrap(), "a");
        assert_eq!(&*Arc::<str>::decode(&payload(16 | 0x8000, b"a")).unwrap(), "a");
        assert_eq!(Bytes::decode(&payload(16, b"a")).unwrap(), "a");
        assert_eq!(u64::decode(&payload(0, b"41  ")).unwrap(), 41);
        assert_eq!(u64::decode(&payload(4, b"41")).unwrap(), 41);
        assert_eq!(Box::<i8>::decode(&payload(2, b"-1")).unwrap(), Box::new(-1));
    }

    #[test]
    fn everything_else_is_a_typed_refusal() {
        use DecodeErrorKind::{Corrupt, FormatMismatch, UnsupportedCompression, UnsupportedFormat};

        #[track_caller]
        fn check<T: CacheValue + std::fmt::Debug>(
            bits: u32,
            data: &'static [u8],
            kind: DecodeErrorKind,
        ) {
            assert_eq!(T::decode(&payload(bits, data)).unwrap_err().kind(), kind);
        }

        check::<String>(1, b"N.", UnsupportedFormat);
        check::<Bytes>(1, b"N.", UnsupportedFormat);
        check::<u8>(0x3000, b"1", UnsupportedCompression);
        check::<String>(0x1008, b"x", UnsupportedCompression);
        check::<String>(0x100, b"x", FormatMismatch);
        check::<String>(2, b"1", FormatMismatch);
        check::<Bytes>(2, b"1", FormatMismatch);
        check::<u8>(16, b"1", FormatMismatch);
        check::<String>(0x4000 | 16, b"", FormatMismatch);
        check::<String>(16, b"\xff", Corrupt);
        check::<u8>(2, b"256", Corrupt);
        check::<NonZero<u8>>(2, b"0", Corrupt);
        check::<u8>(0, b"", Corrupt);
    }

    #[test]
    fn a_wrong_format_is_told_with_what_was_expected_and_found() {
        let error = String::decode(&payload(0x200, b"1")).unwrap_err();
        assert!(error.to_string().starts_with("expected UTF-8 text, found JSON"), "{error}");
    }
}
