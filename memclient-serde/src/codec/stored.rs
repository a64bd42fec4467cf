//! Values of a codec together with the flags that name it.

use serde::{Serialize, de::DeserializeOwned};

use crate::{
    codec::{Codec, plain},
    error::{DecodeError, EncodeError},
    flags::Flags,
    format::Format,
    payload::Payload,
};

/// Writes a value with a codec; the flags name its format.
pub fn encode_with<C: Codec, T: Serialize + ?Sized>(value: &T) -> Result<Payload, EncodeError> {
    Ok(Payload::new(C::encode(value)?, Flags::of(C::FORMAT)))
}

/// Reads a value with a codec, after a check that the flags name its format.
pub fn decode_with<C: Codec, T: DeserializeOwned>(payload: &Payload) -> Result<T, DecodeError> {
    let expected = expected(C::FORMAT);
    let (found, data) = plain::open(payload, expected)?;
    if found != C::FORMAT {
        return Err(DecodeError::mismatch(expected, found));
    }
    C::decode(&data)
}

fn expected(format: Format) -> &'static str {
    match format {
        Format::Bincode => "bincode",
        Format::Json => "JSON",
        Format::MessagePack => "MessagePack",
        Format::Postcard => "postcard",
        _ => "the codec's own format",
    }
}
