use std::{borrow::Borrow, error::Error, fmt, ops::Deref};

use bytes::Bytes;
use memclient_serde::KeyBuf;

/// The longest key that memcached takes, in bytes, a prefix included.
pub const MAX_KEY: usize = 250;

/// A key as it stands on the wire, validated when it was made.
///
/// From 1 to 250 bytes of printable ASCII without spaces (`0x21..=0x7E`); with [`Charset::Unicode`]
/// also every byte from `0x80` up. White space, control bytes and NUL can never be part of a key:
/// one of them would end the command and begin another (protocol.txt, "Keys"). Cheap to clone.
///
/// ```
/// use memclient::Key;
///
/// let key = Key::new("user:42")?;
/// assert_eq!(key.as_bytes(), b"user:42");
/// assert!(Key::new("two words").is_err());
/// # Ok::<(), memclient::KeyError>(())
/// ```
#[derive(Clone, Eq, Ord, PartialEq, PartialOrd)]
pub struct Key(Bytes);

impl Key {
    /// Returns the key of printable ASCII.
    ///
    /// # Errors
    /// A [`KeyError`] that says which rule is broken and where.
    pub fn new(key: impl AsRef<[u8]>) -> Result<Self, KeyError> {
        Self::with_charset(key, Charset::Ascii)
    }

    /// Returns the key of these bytes under the rules of `charset`.
    ///
    /// # Errors
    /// A [`KeyError`] that says which rule is broken and where.
    pub fn with_charset(key: impl AsRef<[u8]>, charset: Charset) -> Result<Self, KeyError> {
        KeyRef::new(key.as_ref(), charset).map(KeyRef::to_key)
    }

    /// Returns the bytes of the key.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Returns the key borrowed.
    pub fn borrowed(&self) -> KeyRef<'_> {
        KeyRef(&self.0)
    }
}

impl From<&KeyBuf> for Key {
    fn from(key: &KeyBuf) -> Self {
        // The writer of a `KeyBuf` escapes to printable ASCII and ends at 250 bytes.
        Self(Bytes::copy_from_slice(key.as_bytes()))
    }
}

impl From<KeyRef<'_>> for Key {
    fn from(key: KeyRef<'_>) -> Self {
        key.to_key()
    }
}

impl Borrow<[u8]> for Key {
    fn borrow(&self) -> &[u8] {
        &self.0
    }
}

impl AsRef<[u8]> for Key {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl std::hash::Hash for Key {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.as_bytes().hash(state);
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.borrowed().fmt(f)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({self})")
    }
}

/// A validated key that somebody else holds.
#[derive(Clone, Copy, Eq, PartialEq)]
pub struct KeyRef<'a>(&'a [u8]);

impl<'a> KeyRef<'a> {
    /// Returns the key of these bytes under the rules of `charset`.
    ///
    /// # Errors
    /// A [`KeyError`] that says which rule is broken and where.
    pub fn new(key: &'a [u8], charset: Charset) -> Result<Self, KeyError> {
        if key.is_empty() {
            return Err(KeyError::Empty);
        }
        if key.len() > MAX_KEY {
            return Err(KeyError::TooLong { length: key.len(), prefix: 0 });
        }
        // One pass without an early exit: several times faster than a search on keys of common
        // length.
        if !key.iter().fold(true, |valid, &byte| valid & charset.allows(byte)) {
            return Err(charset.complaint(key));
        }
        Ok(Self(key))
    }

    /// Returns the bytes of the key.
    pub fn as_bytes(self) -> &'a [u8] {
        self.0
    }

    /// Returns a key of its own.
    pub fn to_key(self) -> Key {
        Key(Bytes::copy_from_slice(self.0))
    }
}

impl Deref for KeyRef<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.0
    }
}

impl fmt::Display for KeyRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match std::str::from_utf8(self.0) {
            Ok(text) => f.write_str(text),
            Err(_) => write!(f, "{}", self.0.escape_ascii()),
        }
    }
}

impl fmt::Debug for KeyRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyRef({self})")
    }
}

/// Which bytes a key may have.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum Charset {
    /// Printable ASCII without spaces: what every memcached client and tool can read.
    #[default]
    Ascii,
    /// Also every byte from `0x80` up: UTF-8 text or raw bytes.
    Unicode,
}

impl Charset {
    const fn allows(self, byte: u8) -> bool {
        match self {
            Self::Ascii => byte > 0x20 && byte < 0x7F,
            Self::Unicode => byte > 0x20 && byte != 0x7F,
        }
    }

    fn complaint(self, key: &[u8]) -> KeyError {
        let position = key.iter().position(|&byte| !self.allows(byte)).unwrap_or(0);
        match key.get(position).copied().unwrap_or(0) {
            byte if byte >= 0x80 => KeyError::NonAscii { position },
            byte => KeyError::Forbidden { byte, position },
        }
    }
}

/// Why bytes are no key. Nothing was sent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum KeyError {
    /// The key has no bytes.
    Empty,
    /// The key is longer than 250 bytes.
    TooLong {
        /// The bytes of the key, without a prefix.
        length: usize,
        /// The bytes that the client's key prefix adds.
        prefix: usize,
    },
    /// The key has white space, a control byte or NUL.
    Forbidden {
        /// The byte.
        byte: u8,
        /// Where it stands, from 0.
        position: usize,
    },
    /// The key has a byte from `0x80` up, and the client takes ASCII keys only.
    NonAscii {
        /// Where it stands, from 0.
        position: usize,
    },
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Empty => f.write_str("the key is empty: give it at least one byte"),
            Self::TooLong { length, prefix: 0 } => {
                write!(
                    f,
                    "the key has {length} bytes, memcached takes {MAX_KEY}: shorten it or hash its tail"
                )
            }
            Self::TooLong { length, prefix } => write!(
                f,
                "the key has {length} bytes and the prefix {prefix}, memcached takes {MAX_KEY} together: shorten one"
            ),
            Self::Forbidden { byte, position } => write!(
                f,
                "the key has the byte '{}' at position {position}: white space and control bytes cannot be part of a key",
                byte.escape_ascii()
            ),
            Self::NonAscii { position } => write!(
                f,
                "the key has a non-ASCII byte at position {position}: escape it, or allow unicode keys on the client"
            ),
        }
    }
}

impl Error for KeyError {}

/// What a client takes as a key: text, bytes, or a [`Key`] made before.
pub trait AsKey {
    /// Returns the key under the rules of `charset`.
    ///
    /// A [`Key`] was validated when it was made, and passes whatever the charset.
    ///
    /// # Errors
    /// A [`KeyError`] that says which rule is broken and where.
    fn as_key(&self, charset: Charset) -> Result<KeyRef<'_>, KeyError>;
}

impl AsKey for [u8] {
    fn as_key(&self, charset: Charset) -> Result<KeyRef<'_>, KeyError> {
        KeyRef::new(self, charset)
    }
}

impl AsKey for Key {
    fn as_key(&self, _: Charset) -> Result<KeyRef<'_>, KeyError> {
        Ok(self.borrowed())
    }
}

impl AsKey for KeyRef<'_> {
    fn as_key(&self, _: Charset) -> Result<KeyRef<'_>, KeyError> {
        Ok(*self)
    }
}

impl<T: AsKey + ?Sized> AsKey for &T {
    fn as_key(&self, charset: Charset) -> Result<KeyRef<'_>, KeyError> {
        (**self).as_key(charset)
    }
}

macro_rules! as_bytes {
    ($($type:ty),*) => {$(
        impl AsKey for $type {
            fn as_key(&self, charset: Charset) -> Result<KeyRef<'_>, KeyError> {
                KeyRef::new(self.as_ref(), charset)
            }
        }
    )*};
}

as_bytes!(str, String, Vec<u8>, Bytes);

impl<const N: usize> AsKey for [u8; N] {
    fn as_key(&self, charset: Charset) -> Result<KeyRef<'_>, KeyError> {
        KeyRef::new(self, charset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_allowed_or_refused_as_documented() {
        for byte in 0..=u8::MAX {
            let ascii = Key::new([b'k', byte]).is_ok();
            let unicode = Key::with_charset([b'k', byte], Charset::Unicode).is_ok();
            assert_eq!(ascii, (0x21..=0x7E).contains(&byte), "{byte:#x}");
            assert_eq!(unicode, byte > 0x20 && byte != 0x7F, "{byte:#x}");
        }
    }

    #[test]
    fn the_length_limit_is_250_bytes() {
        assert!(Key::new([b'k'; 250]).is_ok());
        assert_eq!(Key::new([b'k'; 251]), Err(KeyError::TooLong { length: 251, prefix: 0 }));
        assert_eq!(Key::new(""), Err(KeyError::Empty));
    }

    #[test]
    fn errors_name_the_byte_and_its_place() {
        assert_eq!(Key::new("a b"), Err(KeyError::Forbidden { byte: b' ', position: 1 }));
        assert_eq!(Key::new("aé"), Err(KeyError::NonAscii { position: 1 }));
        assert!(
            Key::new("a\r\n").is_err_and(|error| error.to_string().contains("'\\r' at position 1"))
        );
    }
}
