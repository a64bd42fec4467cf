//! Large values as fewer bytes, and the way back.
//!
//! The flags of an item name its compression, so a reader needs no configuration: whatever a
//! program is built to read, it reads. What is written is a choice, [`Compression`].

use std::borrow::Cow;

use bytes::Bytes;

use crate::{
    error::DecodeError,
    flags::{Algorithm, Flags},
    format::Format,
    payload::Payload,
};

#[cfg(feature = "lz4")]
mod lz4;
#[cfg(any(feature = "zlib", feature = "zstd"))]
mod reused;
#[cfg(feature = "zlib")]
mod zlib;
#[cfg(feature = "zstd")]
mod zstd;

/// Says which values are compressed when they are written, and how.
///
/// | written with | bytes | flags | read by |
/// |---|---|---|---|
/// | [`zlib`](Self::zlib) | a zlib stream, RFC 1950 | 8 | pymemcache's `compressed_serde` too |
/// | [`zstd`](Self::zstd) | one Zstandard frame with its size and a checksum, RFC 8878 | `0x1000` | |
/// | [`lz4`](Self::lz4) | the size in 4 bytes, little-endian, then one LZ4 block | `0x2000` | Python's `lz4.block` reads the bytes |
///
/// lz4 costs the least time, zstd makes the smallest values for the time it takes, zlib is for
/// those who share values with Python. LZ4 blocks have no checksum: a damaged one may be read as
/// other bytes.
///
/// Some values are always stored as they are: integers, so that the server can count with them;
/// what is compressed already; what is shorter than the [`threshold`](Self::threshold) or longer
/// than [`LIMIT`](Self::LIMIT); and what would not become smaller by an eighth, because the server
/// keeps items in size classes about that far apart and each reader would pay for nothing.
///
/// ```
/// # #[cfg(feature = "zlib")] {
/// use memclient_serde::{CacheValue, Compression};
///
/// let text = "ten bytes ".repeat(500);
/// let stored = text.encode()?.compressed(Compression::zlib(6));
/// assert!(stored.data.len() < 100);
/// assert_eq!(stored.flags.bits(), 16 | 8);
/// assert_eq!(String::decode(&stored)?, text);
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[must_use]
pub struct Compression {
    method: Method,
    threshold: Threshold,
}

impl Compression {
    /// Writes values as they are.
    pub const NONE: Self = Self { method: Method::None, threshold: Threshold::DEFAULT };

    /// The most bytes that decoding a value decompresses to: 64 MiB. What is longer is written as it
    /// is, so nothing is written that could not be read.
    ///
    /// A few bytes can claim a thousand times their number; this bounds what they can cost.
    /// [`Payload::decompressed`] takes another bound.
    pub const LIMIT: usize = 64 << 20;

    /// Compresses with zlib, at a level from 1, the fastest, to 9, the smallest; what lies outside
    /// is taken as the nearest of these. Python's default is 6.
    #[cfg(feature = "zlib")]
    pub const fn zlib(level: u32) -> Self {
        let level = match level {
            0 => 1,
            1..=9 => level,
            _ => 9,
        };
        Self { method: Method::Zlib(level), threshold: Threshold::DEFAULT }
    }

    /// Compresses with Zstandard, at a level from -7, the fastest, to 19, the smallest; what lies
    /// outside is taken as the nearest of these. Its authors' default is 3, and so is 0.
    #[cfg(feature = "zstd")]
    pub const fn zstd(level: i32) -> Self {
        let level = match level {
            ..-7 => -7,
            -7..=19 => level,
            20.. => 19,
        };
        Self { method: Method::Zstd(level), threshold: Threshold::DEFAULT }
    }

    /// Compresses with LZ4.
    #[cfg(feature = "lz4")]
    pub const fn lz4() -> Self {
        Self { method: Method::Lz4, threshold: Threshold::DEFAULT }
    }

    /// Sets from how many encoded bytes on a value is compressed. Defaults to 1024: what is shorter
    /// fits into one network packet anyway, and what it would save does not pay for the
    /// microseconds. pymemcache's default is 401.
    pub const fn threshold(mut self, bytes: usize) -> Self {
        self.threshold = Threshold(bytes);
        self
    }

    /// Returns whether nothing is compressed at all.
    pub const fn is_none(&self) -> bool {
        matches!(self.method, Method::None)
    }

    /// Returns whether a value is one of those that compression is tried on.
    fn covers(self, Payload { data, flags }: &Payload) -> bool {
        !self.is_none()
            && data.len() >= self.threshold.0
            && data.len() <= Self::LIMIT
            && flags.format() != Format::Integer
            && !flags.is_compressed()
            // A reader takes the header off before it looks at the value.
            && !flags.has_header()
    }
}

impl Payload {
    /// Returns the value compressed, or as it is where [`Compression`] says so. The flags say which.
    ///
    /// Of a large value this takes milliseconds, on the thread that calls.
    pub fn compressed(self, compression: Compression) -> Self {
        if !compression.covers(&self) {
            return self;
        }
        let room = self.data.len() - self.data.len() / 8;
        match compression.method.compress(&self.data, room) {
            Some((algorithm, mut smaller)) => {
                // It may be kept for long, and the room was made for the worst case.
                smaller.shrink_to_fit();
                Self::new(smaller, self.flags.with_algorithm(algorithm))
            }
            None => self,
        }
    }

    /// Returns the value without compression, whatever its flags name; one that is not compressed
    /// as it is.
    ///
    /// Decoding does this by itself, with [`Compression::LIMIT`].
    ///
    /// # Errors
    ///
    /// Fails when the value would have more than `limit` bytes, when the compressed bytes are
    /// damaged, cut off or followed by others, and when this build does not read the compression.
    /// At no time is more than about `limit` bytes of memory in use.
    pub fn decompressed(self, limit: usize) -> Result<Self, DecodeError> {
        Ok(match decompress(&self.data, self.flags, limit)? {
            Some(data) => Self::new(data, self.flags.without_compression()),
            None => self,
        })
    }

    /// Returns the bytes of the value without compression.
    pub(crate) fn plain_data(&self) -> Result<Cow<'_, Bytes>, DecodeError> {
        Ok(match decompress(&self.data, self.flags, Compression::LIMIT)? {
            Some(data) => Cow::Owned(data.into()),
            None => Cow::Borrowed(&self.data),
        })
    }
}

/// What is done to a value.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Method {
    #[default]
    None,
    #[cfg(feature = "zlib")]
    Zlib(u32),
    #[cfg(feature = "zstd")]
    Zstd(i32),
    #[cfg(feature = "lz4")]
    Lz4,
}

impl Method {
    /// Returns the compressed bytes, if there are at most `room`.
    #[cfg_attr(
        not(any(feature = "zlib", feature = "zstd", feature = "lz4")),
        expect(unused_variables, reason = "there is no method")
    )]
    fn compress(self, data: &[u8], room: usize) -> Option<(Algorithm, Vec<u8>)> {
        match self {
            Self::None => None,
            #[cfg(feature = "zlib")]
            Self::Zlib(level) => Some((Algorithm::Zlib, zlib::compress(data, level, room)?)),
            #[cfg(feature = "zstd")]
            Self::Zstd(level) => Some((Algorithm::Zstd, zstd::compress(data, level, room)?)),
            #[cfg(feature = "lz4")]
            Self::Lz4 => Some((Algorithm::Lz4, lz4::compress(data, room)?)),
        }
    }
}

/// The shortest value that is compressed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Threshold(usize);

impl Threshold {
    const DEFAULT: Self = Self(1024);
}

impl Default for Threshold {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// Returns the bytes without their compression, or `None` where they have none.
fn decompress(data: &[u8], flags: Flags, limit: usize) -> Result<Option<Vec<u8>>, DecodeError> {
    let Some(algorithm) = flags.algorithm() else {
        return Ok(None);
    };
    let read = reader(algorithm).ok_or_else(|| DecodeError::compressed(algorithm))?;
    let mut output = Vec::new();
    read(data, limit, &mut output)?;
    output.shrink_to_fit();
    Ok(Some(output))
}

/// Reads compressed bytes to their end, into an empty buffer that is never given more room than the
/// limit and a byte.
type Reader = fn(&[u8], usize, &mut Vec<u8>) -> Result<(), DecodeError>;

/// Returns what reads a compression, if this build does.
fn reader(algorithm: Algorithm) -> Option<Reader> {
    match algorithm {
        #[cfg(feature = "zlib")]
        Algorithm::Zlib => Some(zlib::decompress),
        #[cfg(feature = "zstd")]
        Algorithm::Zstd => Some(zstd::decompress),
        #[cfg(feature = "lz4")]
        Algorithm::Lz4 => Some(lz4::decompress),
        _ => None,
    }
}
