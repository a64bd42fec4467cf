//! What can go wrong between a Rust value and its bytes.

use std::{error::Error, fmt, str::Utf8Error};

use crate::{flags::Algorithm, format::Format};

/// Reports why a value cannot be written.
///
/// The text of the message may change at any time; [`kind`](Self::kind) is for branching.
#[derive(Debug)]
pub struct EncodeError(Box<EncodeRepr>);

/// Names the classes of [`EncodeError`].
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum EncodeErrorKind {
    /// The value nests deeper, or has more empty elements, than a reader accepts.
    Limit,
    /// The format cannot hold this value so that it reads back the same.
    Lossy,
    /// The type's own `Serialize` refused, or the format has no such thing.
    Refused,
}

impl EncodeError {
    /// Returns the class of the error.
    pub fn kind(&self) -> EncodeErrorKind {
        match *self.0 {
            EncodeRepr::Limit(_) => EncodeErrorKind::Limit,
            EncodeRepr::Lossy { .. } => EncodeErrorKind::Lossy,
            EncodeRepr::Refused { .. } => EncodeErrorKind::Refused,
        }
    }

    /// Returns whether the value is beyond what a reader would accept.
    pub fn is_limit(&self) -> bool {
        self.kind() == EncodeErrorKind::Limit
    }

    /// Returns whether the format cannot hold the value without changing it.
    pub fn is_lossy(&self) -> bool {
        self.kind() == EncodeErrorKind::Lossy
    }

    #[cfg(any(feature = "bincode", feature = "json"))]
    #[cold]
    pub(crate) fn limit(limit: Limit) -> Self {
        Self(Box::new(EncodeRepr::Limit(limit)))
    }

    #[cfg(any(feature = "bincode", feature = "json"))]
    #[cold]
    pub(crate) fn lossy(format: Format, reason: &'static str) -> Self {
        Self(Box::new(EncodeRepr::Lossy { format, reason }))
    }

    #[cfg(any(feature = "bincode", feature = "json"))]
    #[cold]
    pub(crate) fn refused(format: Format, source: impl Error + Send + Sync + 'static) -> Self {
        Self(Box::new(EncodeRepr::Refused { format, source: Box::new(source) }))
    }
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.0 {
            EncodeRepr::Limit(limit) => {
                write!(f, "the value could not be read back: it has {limit}; store a flatter value")
            }
            EncodeRepr::Lossy { format, reason } => {
                write!(f, "the value would not read back the same from {format}: {reason}")
            }
            EncodeRepr::Refused { format, .. } => {
                write!(f, "the value cannot be written as {format}; check its `Serialize` impl")
            }
        }
    }
}

impl Error for EncodeError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &*self.0 {
            EncodeRepr::Refused { source, .. } => Some(&**source),
            EncodeRepr::Limit(_) | EncodeRepr::Lossy { .. } => None,
        }
    }
}

#[derive(Debug)]
#[cfg_attr(
    not(any(feature = "bincode", feature = "json")),
    expect(dead_code, reason = "the formats without a codec can write every value")
)]
enum EncodeRepr {
    Limit(Limit),
    Lossy { format: Format, reason: &'static str },
    Refused { format: Format, source: Box<dyn Error + Send + Sync> },
}

/// Reports why stored bytes are not the value that was asked for.
///
/// A cache treats each of these as a miss. The text of the message may change at any time;
/// [`kind`](Self::kind) is for branching.
///
/// ```
/// use memclient_serde::{CacheValue, Flags, Payload};
///
/// let pickled = Payload::new(&b"\x80\x04N."[..], Flags::from_bits(1));
/// let error = String::decode(&pickled).unwrap_err();
/// assert!(error.is_unsupported());
/// assert!(error.to_string().contains("pickle"));
/// ```
#[derive(Debug)]
pub struct DecodeError(Box<DecodeRepr>);

/// Names the classes of [`DecodeError`].
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum DecodeErrorKind {
    /// The flags name another format than the type is stored in.
    FormatMismatch,
    /// The flags name a format that is not read.
    UnsupportedFormat,
    /// The flags name a compression that is not read, or not by this build.
    UnsupportedCompression,
    /// The bytes are not a value of the type, or not what their compression wrote: cut off,
    /// damaged, or of another type.
    Corrupt,
    /// Bytes are left over after the value, or after its compressed form.
    TrailingBytes,
    /// The value nests deeper, or claims more elements or memory, than its length can justify, or is
    /// longer without its compression than the reader allows.
    Limit,
}

impl DecodeError {
    /// Returns the class of the error.
    pub fn kind(&self) -> DecodeErrorKind {
        match *self.0 {
            DecodeRepr::Mismatch { .. } | DecodeRepr::Absent { .. } => {
                DecodeErrorKind::FormatMismatch
            }
            DecodeRepr::Unsupported(_) => DecodeErrorKind::UnsupportedFormat,
            DecodeRepr::Compressed(_) => DecodeErrorKind::UnsupportedCompression,
            DecodeRepr::Text(_)
            | DecodeRepr::Integer { .. }
            | DecodeRepr::Content { .. }
            | DecodeRepr::Header
            | DecodeRepr::Damaged(_) => DecodeErrorKind::Corrupt,
            DecodeRepr::Trailing { .. } => DecodeErrorKind::TrailingBytes,
            DecodeRepr::Limit(_) | DecodeRepr::TooLarge { .. } => DecodeErrorKind::Limit,
        }
    }

    /// Returns whether the item is stored in another format than the type.
    pub fn is_format_mismatch(&self) -> bool {
        self.kind() == DecodeErrorKind::FormatMismatch
    }

    /// Returns whether the item's format or compression is not read at all.
    pub fn is_unsupported(&self) -> bool {
        matches!(
            self.kind(),
            DecodeErrorKind::UnsupportedFormat | DecodeErrorKind::UnsupportedCompression
        )
    }

    /// Returns whether the bytes themselves are wrong: damaged, cut off, left over or hostile.
    pub fn is_corrupt(&self) -> bool {
        matches!(
            self.kind(),
            DecodeErrorKind::Corrupt | DecodeErrorKind::TrailingBytes | DecodeErrorKind::Limit
        )
    }

    /// Returns the error of a header before a value that is not whole, for those who take it off.
    #[cold]
    pub fn header() -> Self {
        Self(Box::new(DecodeRepr::Header))
    }

    #[cold]
    pub(crate) fn mismatch(expected: &'static str, found: Format) -> Self {
        Self(Box::new(DecodeRepr::Mismatch { expected, found }))
    }

    #[cold]
    pub(crate) fn absent(expected: &'static str) -> Self {
        Self(Box::new(DecodeRepr::Absent { expected }))
    }

    #[cold]
    pub(crate) fn unsupported(format: Format) -> Self {
        Self(Box::new(DecodeRepr::Unsupported(format)))
    }

    #[cold]
    pub(crate) fn compressed(algorithm: Algorithm) -> Self {
        Self(Box::new(DecodeRepr::Compressed(algorithm)))
    }

    #[cfg(any(feature = "zlib", feature = "zstd", feature = "lz4"))]
    #[cold]
    pub(crate) fn damaged(algorithm: Algorithm) -> Self {
        Self(Box::new(DecodeRepr::Damaged(algorithm)))
    }

    #[cfg(any(feature = "zlib", feature = "zstd", feature = "lz4"))]
    #[cold]
    pub(crate) fn too_large(algorithm: Algorithm, limit: usize) -> Self {
        Self(Box::new(DecodeRepr::TooLarge { algorithm, limit }))
    }

    #[cold]
    pub(crate) fn text(source: Utf8Error) -> Self {
        Self(Box::new(DecodeRepr::Text(source)))
    }

    #[cold]
    pub(crate) fn integer(expected: &'static str, problem: &'static str) -> Self {
        Self(Box::new(DecodeRepr::Integer { expected, problem }))
    }

    #[cfg(any(feature = "bincode", feature = "json"))]
    #[cold]
    pub(crate) fn limit(limit: Limit) -> Self {
        Self(Box::new(DecodeRepr::Limit(limit)))
    }

    #[cfg(any(feature = "bincode", feature = "json", feature = "zlib", feature = "zstd"))]
    #[cold]
    pub(crate) fn trailing(used: usize, len: usize) -> Self {
        Self(Box::new(DecodeRepr::Trailing { used, len }))
    }

    #[cfg(any(feature = "bincode", feature = "json"))]
    #[cold]
    pub(crate) fn content(
        format: Format,
        advice: &'static str,
        source: impl Error + Send + Sync + 'static,
    ) -> Self {
        Self(Box::new(DecodeRepr::Content { format, advice, source: Box::new(source) }))
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.0 {
            DecodeRepr::Mismatch { expected, found } => write!(
                f,
                "expected {expected}, found {found}; read the item as the type it was written as, \
                 or delete it"
            ),
            DecodeRepr::Absent { expected } => write!(
                f,
                "expected {expected}, found a remembered absence; ask the flags with `is_absent` \
                 before decoding"
            ),
            DecodeRepr::Unsupported(format) => write!(
                f,
                "unsupported format: {format} is not read; have its writer store text, bytes, \
                 integers or a format that both sides know"
            ),
            DecodeRepr::Compressed(Algorithm::Unknown) => f.write_str(
                "unsupported compression: the flags name none that is known here; have the writer \
                 store the value uncompressed",
            ),
            DecodeRepr::Compressed(algorithm) => write!(
                f,
                "unsupported compression: this build does not read {algorithm}; switch on the \
                 feature `{algorithm}`"
            ),
            DecodeRepr::Damaged(algorithm) => write!(
                f,
                "the bytes are not what {algorithm} wrote: they are damaged or cut off, store the \
                 value again"
            ),
            DecodeRepr::TooLarge { algorithm, limit } => write!(
                f,
                "the bytes were refused: without {algorithm} they are more than {limit}; \
                 decompress them with a higher limit, or store the value again"
            ),
            DecodeRepr::Text(_) => {
                f.write_str("the bytes are not UTF-8 text; read them as `Vec<u8>` or `Bytes`")
            }
            DecodeRepr::Integer { expected, problem } => {
                write!(
                    f,
                    "the bytes are not a decimal {expected}: {problem}; store the value again"
                )
            }
            DecodeRepr::Trailing { used, len } => write!(
                f,
                "the value ends after {used} of {len} bytes; it was written as another type or \
                 damaged, store it again"
            ),
            DecodeRepr::Header => f.write_str(
                "the header before the value, which its flags name, is damaged or cut off; store \
                 the value again",
            ),
            DecodeRepr::Limit(limit) => {
                write!(f, "the bytes were refused: they claim {limit}; store the value again")
            }
            DecodeRepr::Content { format, advice, .. } => {
                write!(f, "the {format} bytes are not a value of this type; {advice}")
            }
        }
    }
}

impl Error for DecodeError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &*self.0 {
            DecodeRepr::Text(source) => Some(source),
            DecodeRepr::Content { source, .. } => Some(&**source),
            _ => None,
        }
    }
}

#[derive(Debug)]
#[cfg_attr(
    not(all(
        any(feature = "bincode", feature = "json"),
        any(feature = "zlib", feature = "zstd", feature = "lz4"),
    )),
    expect(dead_code, reason = "some failures belong to codecs and compressions alone")
)]
enum DecodeRepr {
    Mismatch { expected: &'static str, found: Format },
    Absent { expected: &'static str },
    Unsupported(Format),
    Compressed(Algorithm),
    Damaged(Algorithm),
    TooLarge { algorithm: Algorithm, limit: usize },
    Text(Utf8Error),
    Integer { expected: &'static str, problem: &'static str },
    Trailing { used: usize, len: usize },
    Header,
    Limit(Limit),
    Content { format: Format, advice: &'static str, source: Box<dyn Error + Send + Sync> },
}

/// The bound that a value went over.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(
    not(any(feature = "bincode", feature = "json")),
    expect(dead_code, reason = "only codecs have limits")
)]
pub(crate) enum Limit {
    Depth,
    Elements,
    Memory,
    Stack,
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Depth => "more than 128 levels of nesting",
            Self::Elements => "more elements than its bytes can justify",
            Self::Memory => "elements that take more memory than its bytes can justify",
            Self::Stack => "nesting that takes more than a mebibyte of stack",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_one_word_wide_and_cross_threads() {
        fn crosses<T: Error + Send + Sync + 'static>() {}
        crosses::<EncodeError>();
        crosses::<DecodeError>();
        assert_eq!(size_of::<DecodeError>(), size_of::<usize>());
        assert_eq!(size_of::<EncodeError>(), size_of::<usize>());
    }

    #[test]
    fn every_kind_answers_its_question() {
        for (error, mismatch, unsupported, corrupt) in [
            (DecodeError::mismatch("x", Format::Json), true, false, false),
            (DecodeError::absent("x"), true, false, false),
            (DecodeError::unsupported(Format::Pickle), false, true, false),
            (DecodeError::compressed(Algorithm::Zlib), false, true, false),
            (DecodeError::integer("u8", "none"), false, false, true),
        ] {
            assert_eq!(error.is_format_mismatch(), mismatch, "{error}");
            assert_eq!(error.is_unsupported(), unsupported, "{error}");
            assert_eq!(error.is_corrupt(), corrupt, "{error}");
        }
    }

    #[test]
    fn a_message_prints_its_own_level_and_leaves_the_next_to_source() {
        let invalid = String::from_utf8(vec![0xff]).unwrap_err().utf8_error();
        let error = DecodeError::text(invalid);
        assert!(!error.to_string().contains(&invalid.to_string()));
        assert_eq!(error.source().unwrap().to_string(), invalid.to_string());
    }
}
