//! Bincode 2, standard configuration: little-endian, variable-length integers.

use bincode::{
    config::{self, Config},
    error::DecodeError as BincodeError,
    serde::{encode_to_vec, seed_decode_from_slice},
};
use bytes::Bytes;
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    codec::{
        Codec,
        bounded::{Budget, Rules, Watched, read},
    },
    error::{DecodeError, EncodeError},
    format::Format,
};

/// The compact default format.
///
/// Its bytes are those of bincode 2 in the standard configuration, and stay so. They carry no
/// names: a reader must know the type, which is why the fingerprint of the type belongs into the
/// key. Types that ask the format what comes next (`#[serde(untagged)]`, `#[serde(flatten)]`,
/// internally tagged enums) or leave fields out (`skip_serializing_if`) cannot be read from it;
/// JSON is the format for those.
#[derive(Clone, Copy, Debug)]
pub struct Bincode;

impl Codec for Bincode {
    const FORMAT: Format = Format::Bincode;

    fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Bytes, EncodeError> {
        let budget = Budget::for_writing(RULES);
        match encode_to_vec(Watched::new(value, &budget), standard()) {
            Ok(bytes) => {
                budget.check_written(bytes.len())?;
                Ok(bytes.into())
            }
            Err(error) => Err(budget.explain_write(Self::FORMAT, error)),
        }
    }

    fn decode<T: DeserializeOwned>(data: &[u8]) -> Result<T, DecodeError> {
        let budget = Budget::for_reading(data.len());
        match seed_decode_from_slice(read::root::<T>(&budget), data, standard()) {
            Ok((value, used)) if used == data.len() => Ok(value),
            Ok((_, used)) => Err(DecodeError::trailing(used, data.len())),
            Err(error) => Err(budget.explain_read(Self::FORMAT, advice(&error), error)),
        }
    }
}

const RULES: Rules =
    Rules { no_skipped_fields: true, no_special_floats: false, no_null_in_some: false };

/// The largest item that memcached can be configured to hold. Strings and bytes are borrowed from
/// the input, so a false length fails by itself; the limit is a second fence behind that.
const LARGEST: usize = 1 << 30;

fn standard() -> impl Config {
    config::standard().with_limit::<LARGEST>()
}

fn advice(error: &BincodeError) -> &'static str {
    use bincode::serde::DecodeError as Unreadable;

    match error {
        BincodeError::Serde(
            Unreadable::AnyNotSupported
            | Unreadable::IdentifierNotSupported
            | Unreadable::IgnoredAnyNotSupported,
        ) => {
            "untagged, flattened and internally tagged types need a format that names its parts, \
             such as JSON"
        }
        BincodeError::UnexpectedEnd { .. } => "they are cut off or of another type, store it again",
        _ => "they are damaged or of another type, store the value again",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize, PartialEq, Serialize)]
    struct User {
        id: u64,
        name: String,
        score: Option<f64>,
        role: Role,
    }

    #[derive(Debug, Deserialize, PartialEq, Serialize)]
    enum Role {
        Guest,
        Member { since: i32 },
        Owner(Vec<u16>),
    }

    #[track_caller]
    fn golden<T>(value: &T, bytes: &[u8])
    where
        T: std::fmt::Debug + DeserializeOwned + PartialEq + Serialize,
    {
        assert_eq!(&Bincode::encode(value).unwrap()[..], bytes);
        assert_eq!(&Bincode::decode::<T>(bytes).unwrap(), value);
    }

    #[test]
    fn the_bytes_stay_what_they_are() {
        golden(&(), b"");
        golden(&250_u64, b"\xfa");
        golden(&251_u64, b"\xfb\xfb\x00");
        golden(&65_536_u32, b"\xfc\x00\x00\x01\x00");
        golden(&u64::MAX, b"\xfd\xff\xff\xff\xff\xff\xff\xff\xff");
        golden(&-1_i64, b"\x01");
        golden(&1.5_f64, b"\x00\x00\x00\x00\x00\x00\xf8\x3f");
        golden(&'ß', "ß".as_bytes());
        golden(&Some(true), b"\x01\x01");
        golden(&vec![1_u16, 300], b"\x02\x01\xfb\x2c\x01");
        golden(&BTreeMap::from([("a".to_owned(), 1_u8)]), b"\x01\x01a\x01");
        golden(&Role::Guest, b"\x00");
        golden(&Role::Member { since: 3 }, b"\x01\x06");
        golden(&Role::Owner(vec![7]), b"\x02\x01\x07");
        golden(
            &User { id: 9, name: "ada".into(), score: None, role: Role::Guest },
            b"\x09\x03ada\x00\x00",
        );
    }

    #[test]
    fn types_that_bincode_cannot_read_are_named_as_such() {
        #[derive(Debug, Deserialize, Serialize)]
        #[serde(untagged)]
        enum Loose {
            Number(u8),
        }
        let bytes = Bincode::encode(&Loose::Number(1)).unwrap();
        let error = Bincode::decode::<Loose>(&bytes).unwrap_err();
        assert!(error.to_string().contains("such as JSON"), "{error}");
    }

    #[test]
    fn a_field_left_out_is_refused_when_written() {
        #[derive(Serialize)]
        struct Sparse {
            #[serde(skip_serializing_if = "Option::is_none")]
            note: Option<u8>,
        }
        assert!(Bincode::encode(&Sparse { note: None }).unwrap_err().is_lossy());
        assert!(Bincode::encode(&Sparse { note: Some(1) }).is_ok());
    }
}
