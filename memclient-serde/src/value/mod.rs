//! What can be kept in a cache.

use crate::{
    error::{DecodeError, EncodeError},
    payload::Payload,
    schema::Schema,
};

#[cfg(any(feature = "bincode", feature = "json"))]
mod coded;
mod entity;
mod plain;

pub use self::entity::CacheEntity;

/// A type whose values are stored as bytes and flags.
///
/// | type | stored as |
/// |---|---|
/// | `String`, `Box<str>`, `Arc<str>`, `Cow<'static, str>` | UTF-8 text |
/// | `Vec<u8>`, `Box<[u8]>`, `Arc<[u8]>`, `Bytes` | raw bytes |
/// | integers, `NonZero` ones too | decimal digits, so that the server can count with them |
/// | `Box<T>`, `Arc<T>` | as `T` |
/// | everything else | the default codec: bincode, or JSON where that is the only one |
///
/// Text, bytes and integers are read by any memcached client, and are read here whoever wrote them:
/// text also from raw bytes that are UTF-8, bytes also from text, integers also from raw bytes that
/// are digits. A value that its flags name as compressed is decompressed first.
///
/// ```
/// use memclient_serde::{CacheValue, Flags};
///
/// let stored = "ada".to_owned().encode()?;
/// assert_eq!((&stored.data[..], stored.flags), (&b"ada"[..], Flags::TEXT));
/// assert_eq!(String::decode(&stored)?, "ada");
///
/// let error = u64::decode(&stored).unwrap_err();
/// assert!(error.is_format_mismatch());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be kept in a cache",
    label = "`{Self}` does not implement `CacheValue`",
    note = "derive it for a type of yours: `#[derive(Clone, CacheValue, Serialize, Deserialize)]`",
    note = "a cached value is owned: return `String` rather than `&str`"
)]
pub trait CacheValue: Schema + Clone + Send + Sync + 'static {
    /// Writes the value; of the flags only the bits that name the format and the compression are set.
    ///
    /// # Errors
    ///
    /// Fails when the value could not be read back, or its own `Serialize` fails.
    fn encode(&self) -> Result<Payload, EncodeError>;

    /// Reads the value, checking first that the flags name a format of this type.
    ///
    /// # Errors
    ///
    /// Fails when the flags name another format or one that is not read, and when the bytes are not
    /// exactly one value. No input makes it panic, or take more memory, stack or time than
    /// [`codec`](crate::codec) documents, a compressed value that of its uncompressed form, up to
    /// [`Compression::LIMIT`](crate::compress::Compression::LIMIT).
    fn decode(payload: &Payload) -> Result<Self, DecodeError>;
}
