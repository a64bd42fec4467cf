//! The formats a stored value can have.

use std::fmt;

/// Says how the bytes of a stored value are to be read.
///
/// The format travels in the [`Flags`](crate::flags::Flags) of the item, never in its bytes.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Format {
    /// Raw bytes, as they are.
    Bytes,
    /// UTF-8 text.
    Text,
    /// An integer in decimal digits, so that the server can count with it.
    Integer,
    /// Bincode 2 in its standard configuration.
    Bincode,
    /// JSON.
    Json,
    /// `MessagePack`; known by its flags, not read or written yet.
    MessagePack,
    /// Postcard; known by its flags, not read or written yet.
    Postcard,
    /// Python's pickle; never read, because reading it can run code, and never written.
    Pickle,
    /// A format code that this version does not know (4 bits).
    Unknown(u8),
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Self::Bytes => "raw bytes",
            Self::Text => "UTF-8 text",
            Self::Integer => "a decimal integer",
            Self::Bincode => "bincode",
            Self::Json => "JSON",
            Self::MessagePack => "MessagePack",
            Self::Postcard => "postcard",
            Self::Pickle => "pickle",
            Self::Unknown(code) => return write!(f, "the unknown format {code}"),
        };
        f.write_str(name)
    }
}
