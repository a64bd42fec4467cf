//! Formats for types that implement serde's traits.
//!
//! Every codec of this crate reads within the same limits, and refuses to write what is beyond
//! them: 128 levels of nesting (a container, a newtype, a `Some` or a variant's fields are one
//! each), and as many elements in all lists and maps together as the value has bytes, and 1024
//! more. Only elements that take no bytes, such as `()`, can ever come near the second.

use bytes::Bytes;
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    error::{DecodeError, EncodeError},
    format::Format,
};

#[cfg(any(feature = "bincode", feature = "json"))]
pub(crate) mod bounded;
pub(crate) mod plain;
pub(crate) mod stored;

#[cfg(feature = "bincode")]
mod bincode;
#[cfg(feature = "json")]
mod json;

#[cfg(feature = "bincode")]
pub use self::bincode::Bincode;
#[cfg(feature = "json")]
pub use self::json::Json;

/// The format of types that do not choose one: bincode where the feature is on, else JSON.
#[cfg(feature = "bincode")]
pub type DefaultCodec = Bincode;
/// The format of types that do not choose one: bincode where the feature is on, else JSON.
#[cfg(all(feature = "json", not(feature = "bincode")))]
pub type DefaultCodec = Json;

/// Turns serde types into bytes of one format, and back.
///
/// Implementations owe three things. What `encode` accepts, `decode` gives back equal. `decode`
/// uses all bytes or fails. `decode` never panics, never recurses deeper than a fixed bound, and
/// its memory and time are bounded by the length of the input, whatever the bytes claim.
///
/// ```
/// # #[cfg(feature = "bincode")] {
/// use memclient_serde::{Bincode, Codec};
///
/// let bytes = Bincode::encode(&("ada", 36))?;
/// assert_eq!(&bytes[..], b"\x03ada\x48");
/// assert_eq!(Bincode::decode::<(String, i32)>(&bytes)?, ("ada".into(), 36));
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Codec {
    /// The format that the flags name for what this codec writes.
    const FORMAT: Format;

    /// Writes a value.
    ///
    /// # Errors
    ///
    /// Fails when the type's `Serialize` fails, and when the value could not be read back: because
    /// it nests too deep, or because the format would change it.
    fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Bytes, EncodeError>;

    /// Reads a value from all of `data`.
    ///
    /// # Errors
    ///
    /// Fails when the bytes are not exactly one value of the type, or claim more than their length
    /// can justify.
    fn decode<T: DeserializeOwned>(data: &[u8]) -> Result<T, DecodeError>;
}
