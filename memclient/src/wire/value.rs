use std::{any::Any, borrow::Cow, fmt, sync::Arc};

use bytes::Bytes;
use memclient_serde::{CacheValue, Compression, DecodeError, Decoded, EncodeError, Flags, Payload};

/// A value as the server keeps it: bytes and 32 bits of flags that say what the bytes are.
///
/// It may also carry its decoded form, so that an in-process tier gives back the typed object
/// without decoding. Cheap to clone.
///
/// ```
/// use memclient::Value;
///
/// let value = Value::of("text")?;
/// assert_eq!(&value.data()[..], b"text");
/// assert_eq!(value.decode::<String>()?, "text");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Value {
    payload: Payload,
    decoded: Option<Arc<dyn Any + Send + Sync>>,
}

impl Value {
    /// Returns the value of these bytes and flags, as they are.
    pub fn new(data: impl Into<Bytes>, flags: u32) -> Self {
        Self {
            payload: Payload { data: data.into(), flags: Flags::from_bits(flags) },
            decoded: None,
        }
    }

    /// Returns the encoded form of `value`, with the flags that its format has.
    ///
    /// # Errors
    /// An [`EncodeError`] when the type's codec refuses the value.
    pub fn of(value: impl IntoValue) -> Result<Self, EncodeError> {
        value.into_value()
    }

    /// Returns the bytes, compressed where the flags say so ([`Value::decompressed`]).
    pub fn data(&self) -> &Bytes {
        &self.payload.data
    }

    /// Returns the number of bytes.
    pub fn len(&self) -> usize {
        self.payload.data.len()
    }

    /// Returns true when there are no bytes.
    pub fn is_empty(&self) -> bool {
        self.payload.data.is_empty()
    }

    /// Returns the flags as they stand on the wire.
    pub fn flags(&self) -> u32 {
        self.payload.flags.bits()
    }

    /// Returns the bytes and the flags as the codecs know them.
    pub fn payload(&self) -> &Payload {
        &self.payload
    }

    /// Returns the value with other flags, its bytes unchanged.
    pub fn with_flags(mut self, flags: u32) -> Self {
        self.payload.flags = Flags::from_bits(flags);
        self
    }

    /// Returns the value compressed, or as it is where [`Compression`] says so. The flags say which;
    /// a decoded form stays.
    #[must_use]
    pub fn compressed(mut self, compression: Compression) -> Self {
        self.payload = self.payload.compressed(compression);
        self
    }

    /// Returns the value with the bytes that were compressed, if its flags say that they were; a
    /// decoded form stays.
    ///
    /// # Errors
    /// A [`DecodeError`] when that would be more than `limit` bytes, when the compressed bytes are
    /// damaged, or when the feature of their compression is off.
    pub fn decompressed(mut self, limit: usize) -> Result<Self, DecodeError> {
        self.payload = self.payload.decompressed(limit)?;
        Ok(self)
    }

    /// Returns the typed value, without compression up to [`Compression::LIMIT`]; no decoding
    /// happens when this process has decoded it before as the same type.
    ///
    /// # Errors
    /// A [`DecodeError`] when the flags name another format, or the bytes are not a `T`.
    pub fn decode<T: CacheValue>(&self) -> Result<T, DecodeError> {
        match self.decoded::<T>() {
            Some(value) => Ok(value.clone()),
            None => T::decode(&self.payload),
        }
    }

    /// Returns the value as what its flags say: bytes, text or an integer.
    ///
    /// # Errors
    /// A [`DecodeError`] when the flags name a format that only a typed [`Value::decode`] can read,
    /// or none that is known here.
    pub fn decode_any(&self) -> Result<Decoded, DecodeError> {
        self.payload.decoded()
    }

    /// Returns the decoded form, if the value carries it as a `T`.
    pub fn decoded<T: Any>(&self) -> Option<&T> {
        self.decoded.as_deref().and_then(|decoded| decoded.downcast_ref())
    }

    /// Returns the value carrying its decoded form.
    pub fn with_decoded<T: Any + Send + Sync>(mut self, decoded: T) -> Self {
        self.decoded = Some(Arc::new(decoded));
        self
    }

    /// Returns true when the value carries a decoded form.
    #[cfg(feature = "moka")]
    pub(crate) fn has_decoded(&self) -> bool {
        self.decoded.is_some()
    }

    /// Returns the value carrying the decoded form that `other` carries.
    pub(crate) fn with_decoded_of(mut self, other: &Self) -> Self {
        self.decoded.clone_from(&other.decoded);
        self
    }

    /// Returns the value holding its bytes alone, where they are a slice of a much larger buffer.
    #[cfg(feature = "moka")]
    pub(crate) fn into_owned(mut self) -> Self {
        self.payload.data = Bytes::copy_from_slice(&self.payload.data);
        self
    }
}

impl From<Payload> for Value {
    fn from(payload: Payload) -> Self {
        Self { payload, decoded: None }
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        self.payload == other.payload
    }
}

impl Eq for Value {}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 32;
        let data = self.data();
        let head = data.get(..SHOWN).unwrap_or(data);
        let more = if data.len() > SHOWN { "…" } else { "" };
        f.debug_struct("Value")
            .field("data", &format_args!("\"{}{more}\"", head.escape_ascii()))
            .field("len", &data.len())
            .field("flags", &self.flags())
            .finish()
    }
}

/// What a client takes as a value: text, bytes, a [`Value`], or a reference to any [`CacheValue`].
pub trait IntoValue {
    /// Returns the bytes and flags.
    ///
    /// # Errors
    /// An [`EncodeError`] when the type's codec refuses the value.
    fn into_value(self) -> Result<Value, EncodeError>;
}

impl<T: CacheValue> IntoValue for &T {
    fn into_value(self) -> Result<Value, EncodeError> {
        self.encode().map(Value::from)
    }
}

impl IntoValue for Value {
    fn into_value(self) -> Result<Value, EncodeError> {
        Ok(self)
    }
}

impl IntoValue for Bytes {
    fn into_value(self) -> Result<Value, EncodeError> {
        Ok(Value::new(self, Flags::BYTES.bits()))
    }
}

impl IntoValue for Vec<u8> {
    fn into_value(self) -> Result<Value, EncodeError> {
        Bytes::from(self).into_value()
    }
}

impl IntoValue for &[u8] {
    fn into_value(self) -> Result<Value, EncodeError> {
        Bytes::copy_from_slice(self).into_value()
    }
}

impl IntoValue for String {
    fn into_value(self) -> Result<Value, EncodeError> {
        Ok(Value::new(self, Flags::TEXT.bits()))
    }
}

impl IntoValue for &str {
    fn into_value(self) -> Result<Value, EncodeError> {
        self.to_owned().into_value()
    }
}

impl IntoValue for Cow<'_, str> {
    fn into_value(self) -> Result<Value, EncodeError> {
        self.into_owned().into_value()
    }
}

macro_rules! integers {
    ($($type:ty),*) => {$(
        impl IntoValue for $type {
            fn into_value(self) -> Result<Value, EncodeError> {
                (&self).into_value()
            }
        }
    )*};
}

integers!(u8, u16, u32, u64, u128, usize, i8, i16, i32, i64, i128, isize);
