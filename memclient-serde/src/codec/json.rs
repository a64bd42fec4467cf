//! JSON, for values that people or programs in other languages read.

use bytes::Bytes;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Deserializer, Error as JsonError};

use crate::{
    codec::{
        Codec,
        bounded::{Budget, Rules, Watched, read},
    },
    error::{DecodeError, EncodeError},
    format::Format,
};

/// JSON without insignificant spaces.
///
/// Values that JSON would change are refused when written: NaN and infinities, which it has no word
/// for, and `Some` around something that is written as `null`, which would be read as `None`.
///
/// serde reads an untagged enum by trying one variant after the other. Where such an enum contains
/// itself, the tries multiply with each level: prefer a tag for types of that kind.
///
/// ```
/// use memclient_serde::{Codec, Json};
///
/// assert_eq!(&Json::encode(&("ada", 36))?[..], br#"["ada",36]"#);
/// assert!(Json::encode(&f64::NAN).unwrap_err().is_lossy());
/// # Ok::<(), memclient_serde::EncodeError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Json;

impl Codec for Json {
    const FORMAT: Format = Format::Json;

    fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Bytes, EncodeError> {
        let budget = Budget::for_writing(RULES);
        match serde_json::to_vec(&Watched::new(value, &budget)) {
            Ok(bytes) => {
                budget.check_written(bytes.len())?;
                Ok(bytes.into())
            }
            Err(error) => Err(budget.explain_write(Self::FORMAT, error)),
        }
    }

    fn decode<T: DeserializeOwned>(data: &[u8]) -> Result<T, DecodeError> {
        use serde::de::DeserializeSeed;

        let budget = Budget::for_reading(data.len());
        let mut json = Deserializer::from_slice(data);
        // The budget counts levels itself, the same way for reading and writing.
        json.disable_recursion_limit();
        let read = read::root::<T>(&budget).deserialize(&mut json);
        let value =
            read.map_err(|error| budget.explain_read(Self::FORMAT, advice(&error), error))?;
        if json.end().is_err() {
            return Err(DecodeError::trailing(json.into_iter::<()>().byte_offset(), data.len()));
        }
        Ok(value)
    }
}

const RULES: Rules =
    Rules { no_skipped_fields: false, no_special_floats: true, no_null_in_some: true };

fn advice(error: &JsonError) -> &'static str {
    if error.is_eof() {
        return "they are cut off, store the value again";
    }
    if error.is_data() {
        return "they are of another type, read it as what it was written as";
    }
    "they are damaged or no JSON, store the value again"
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize, PartialEq, Serialize)]
    #[serde(tag = "kind", rename_all = "lowercase")]
    enum Shape {
        Circle {
            radius: f64,
        },
        Path {
            points: Vec<(i8, i8)>,
            #[serde(default, skip_serializing_if = "Option::is_none")]
            label: Option<String>,
        },
    }

    #[test]
    fn the_bytes_stay_what_they_are() {
        let circle = Shape::Circle { radius: 1.5 };
        let path = Shape::Path { points: vec![(0, -1)], label: None };
        for (value, json) in [
            (circle, r#"{"kind":"circle","radius":1.5}"#),
            (path, r#"{"kind":"path","points":[[0,-1]]}"#),
        ] {
            assert_eq!(&Json::encode(&value).unwrap()[..], json.as_bytes());
            assert_eq!(Json::decode::<Shape>(json.as_bytes()).unwrap(), value);
        }
    }

    #[test]
    fn what_json_would_change_is_refused() {
        #[derive(Serialize)]
        struct Maybe(Option<u8>);

        assert!(Json::encode(&Some(Maybe(None))).unwrap_err().is_lossy());
        assert!(Json::encode(&Some(Maybe(Some(1)))).is_ok());
        assert!(Json::encode(&f32::INFINITY).unwrap_err().is_lossy());
        assert!(Json::encode(&vec![Some(None::<u8>)]).unwrap_err().is_lossy());
        assert!(Json::encode(&Some(())).unwrap_err().is_lossy());
        assert!(Json::encode(&Some(Some(1))).is_ok());
    }

    #[test]
    fn floats_come_back_to_the_last_bit() {
        for float in [0.1 + 0.2, f64::MIN_POSITIVE, f64::MAX, -0.0, 2.225_073_858_507_201e-308] {
            let bytes = Json::encode(&float).unwrap();
            assert_eq!(Json::decode::<f64>(&bytes).unwrap().to_bits(), float.to_bits());
        }
    }

    #[test]
    fn text_behind_the_value_is_refused_and_space_is_not() {
        assert_eq!(Json::decode::<u8>(b" 7 \n").unwrap(), 7);
        let error = Json::decode::<u8>(b"7 8").unwrap_err();
        assert_eq!(error.kind(), crate::error::DecodeErrorKind::TrailingBytes);
    }
}
