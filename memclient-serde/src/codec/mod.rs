//! Formats for types that implement serde's traits.
//!
//! Bytes from a cache are input from outside, whoever wrote them and whatever they claim. Every codec
//! of this crate reads within the same limits, beyond which a value is refused
//! ([`DecodeErrorKind::Limit`](crate::error::DecodeErrorKind::Limit)):
//!
//! | what | at most | which |
//! |---|---|---|
//! | nesting | 128 levels | a container, a newtype, a `Some` or a variant's fields are one each |
//! | elements of all lists and maps together | one for each byte, and 1024 more | only elements without bytes, such as `()`, come near it |
//! | memory of these elements and of what they hold in boxes | 128 MiB, or 4 times the bytes of the value where that is more | by the sizes of their types; the bytes of text in them are bytes of the value |
//! | memory that lists take ahead | as many elements as the value has bytes | serde takes no more than 1 MiB for each list |
//! | stack | 1 MiB, checked at each level | a thread needs 2 MiB to be safe, which is the default |
//! | bytes without compression | [`Compression::LIMIT`](crate::compress::Compression::LIMIT) | |
//!
//! The first two are refused when a value is written too, so that nothing is stored that cannot be
//! read. The others only the reader knows: a value beyond them, such as a hundred thousand elements of
//! a kilobyte that are all `None`, is stored and not read back. A list grows by doubling and may so
//! take twice its elements' memory for a moment. What serde keeps in a form of its own first
//! (untagged, flattened and internally tagged types) is counted in that form.

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
