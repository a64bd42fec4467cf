//! The 32 flag bits of an item: what each of them means, and nothing else decides it.

use std::{fmt, time::Duration};

use crate::format::Format;

/// The 32 bits that memcached keeps beside a value and gives back untouched.
///
/// | bits | value | meaning |
/// |---|---|---|
/// | 0 | 1 | pickle: recognised and refused, never written |
/// | 1 | 2 | decimal integer |
/// | 2 | 4 | decimal integer of old Python writers: read, never written |
/// | 3 | 8 | compressed with zlib |
/// | 4 | 16 | UTF-8 text |
/// | 5–7 | | not used |
/// | 8–11 | `0x0f00` | the format when bits 0, 1, 2 and 4 are clear: 0 raw bytes, 1 bincode, 2 JSON, 3 MessagePack, 4 postcard |
/// | 12–13 | `0x3000` | compression: 0 none, 1 zstd, 2 lz4 |
/// | 14 | `0x4000` | known absent: a remembered "there is no such thing" |
/// | 15 | `0x8000` | written by the typed layer |
/// | 16–23 | `0x00ff_0000` | how long the value took to load, on a log scale; 0 is unknown |
/// | 24 | `0x0100_0000` | a small header stands before the value |
/// | 25–31 | | not used |
///
/// The low bits agree with pymemcache and pylibmc, so text, integers and bytes written by either
/// side are read by the other, compressed with zlib or not.
///
/// ```
/// use std::time::Duration;
/// use memclient_serde::{Flags, Format};
///
/// let flags = Flags::of(Format::Bincode).with_typed().with_load_time(Duration::from_millis(80));
/// assert_eq!(flags.format(), Format::Bincode);
/// assert!(flags.is_typed() && !flags.is_absent());
/// assert_eq!(Flags::from_bits(16).format(), Format::Text);
/// ```
#[derive(Clone, Copy, Default, Eq, Hash, PartialEq)]
pub struct Flags(u32);

impl Flags {
    /// Raw bytes: no bit is set.
    pub const BYTES: Self = Self(0);
    /// UTF-8 text.
    pub const TEXT: Self = Self(TEXT);
    /// A decimal integer.
    pub const INTEGER: Self = Self(INTEGER);
    /// Bincode 2, standard configuration.
    pub const BINCODE: Self = Self(1 << FORMAT_SHIFT);
    /// JSON.
    pub const JSON: Self = Self(2 << FORMAT_SHIFT);

    /// Takes the bits as the server gave them; every combination is allowed.
    pub const fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    /// Returns the flags that name a format, with all other bits clear.
    ///
    /// Of an unknown code only the low 4 bits are kept.
    pub const fn of(format: Format) -> Self {
        let code = match format {
            Format::Text => return Self::TEXT,
            Format::Integer => return Self::INTEGER,
            Format::Pickle => return Self(PICKLE),
            Format::Bytes => 0,
            Format::Bincode => 1,
            Format::Json => 2,
            Format::MessagePack => 3,
            Format::Postcard => 4,
            Format::Unknown(code) => code & 0xf,
        };
        Self((code as u32) << FORMAT_SHIFT)
    }

    /// Marks the item as a remembered absence.
    pub const fn with_absent(self) -> Self {
        Self(self.0 | ABSENT)
    }

    /// Marks the item as written by the typed layer.
    pub const fn with_typed(self) -> Self {
        Self(self.0 | TYPED)
    }

    /// Marks the value as preceded by a header.
    pub const fn with_header(self) -> Self {
        Self(self.0 | HEADER)
    }

    /// Returns the flags of what follows the header.
    pub const fn without_header(self) -> Self {
        Self(self.0 & !HEADER)
    }

    /// Notes how long the value took to load.
    ///
    /// The scale has 8 steps per doubling and rounds down by at most an eighth. It reaches from one
    /// microsecond to a little over an hour; what lies outside is taken as the nearest end.
    ///
    /// ```
    /// use std::time::Duration;
    /// use memclient_serde::Flags;
    ///
    /// let flags = Flags::BYTES.with_load_time(Duration::from_millis(100));
    /// assert_eq!(flags.load_time(), Some(Duration::from_micros(98_304)));
    /// assert_eq!(Flags::BYTES.load_time(), None);
    /// ```
    pub const fn with_load_time(self, time: Duration) -> Self {
        Self(self.0 & !LOAD_TIME | load_code(time) << LOAD_TIME_SHIFT)
    }

    /// Returns the bits as the server keeps them.
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// Returns the format of the value.
    ///
    /// When several of the low bits are set, text wins over integer and integer over pickle, as in
    /// pymemcache.
    #[expect(clippy::cast_possible_truncation, reason = "four bits fit")]
    pub const fn format(self) -> Format {
        if self.0 & TEXT != 0 {
            return Format::Text;
        }
        if self.0 & (INTEGER | OLD_INTEGER) != 0 {
            return Format::Integer;
        }
        if self.0 & PICKLE != 0 {
            return Format::Pickle;
        }
        match (self.0 >> FORMAT_SHIFT) & 0xf {
            0 => Format::Bytes,
            1 => Format::Bincode,
            2 => Format::Json,
            3 => Format::MessagePack,
            4 => Format::Postcard,
            code => Format::Unknown(code as u8),
        }
    }

    /// Returns whether the value is compressed, by whatever means.
    pub const fn is_compressed(self) -> bool {
        self.0 & (ZLIB | COMPRESSION) != 0
    }

    /// Returns whether the item remembers an absence.
    pub const fn is_absent(self) -> bool {
        self.0 & ABSENT != 0
    }

    /// Returns whether the typed layer wrote the item.
    pub const fn is_typed(self) -> bool {
        self.0 & TYPED != 0
    }

    /// Returns whether a header stands before the value.
    ///
    /// Decoding knows nothing of headers: whoever wrote it takes it off first.
    pub const fn has_header(self) -> bool {
        self.0 & HEADER != 0
    }

    /// Returns how long the value took to load, or `None` when its writer did not say.
    pub const fn load_time(self) -> Option<Duration> {
        let code = (self.0 & LOAD_TIME) >> LOAD_TIME_SHIFT;
        if code == 0 {
            return None;
        }
        let (doublings, eighths) = ((code - 1) / 8, (code - 1) % 8);
        let nanos = ((8 + eighths as u64) * LOAD_TIME_UNIT) << doublings;
        Some(Duration::from_nanos(nanos))
    }

    /// Returns how the value is compressed, or `None` when it is not.
    pub(crate) const fn algorithm(self) -> Option<Algorithm> {
        let zlib = self.0 & ZLIB != 0;
        match (zlib, (self.0 & COMPRESSION) >> COMPRESSION_SHIFT) {
            (false, 0) => None,
            (true, 0) => Some(Algorithm::Zlib),
            (false, 1) => Some(Algorithm::Zstd),
            (false, 2) => Some(Algorithm::Lz4),
            _ => Some(Algorithm::Unknown),
        }
    }

    /// Names the compression of a value that had none.
    pub(crate) const fn with_algorithm(self, algorithm: Algorithm) -> Self {
        Self(match algorithm {
            Algorithm::Zlib => self.0 | ZLIB,
            Algorithm::Zstd => self.0 | 1 << COMPRESSION_SHIFT,
            Algorithm::Lz4 => self.0 | 2 << COMPRESSION_SHIFT,
            Algorithm::Unknown => self.0 | COMPRESSION,
        })
    }

    /// Clears the bits that name a compression.
    pub(crate) const fn without_compression(self) -> Self {
        Self(self.0 & !(ZLIB | COMPRESSION))
    }
}

impl fmt::Debug for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Flags({:#x}: {})", self.0, self.format())?;
        if let Some(algorithm) = self.algorithm() {
            write!(f, ", {algorithm}")?;
        }
        for (set, word) in [
            (self.is_absent(), "absent"),
            (self.is_typed(), "typed"),
            (self.has_header(), "header"),
        ] {
            if set {
                write!(f, ", {word}")?;
            }
        }
        Ok(())
    }
}

impl From<Flags> for u32 {
    fn from(flags: Flags) -> Self {
        flags.bits()
    }
}

impl From<u32> for Flags {
    fn from(bits: u32) -> Self {
        Self::from_bits(bits)
    }
}

/// A compression that flags can name.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Algorithm {
    Zlib,
    Zstd,
    Lz4,
    /// A code that this version does not know, or two compressions at once.
    Unknown,
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Zlib => "zlib",
            Self::Zstd => "zstd",
            Self::Lz4 => "lz4",
            Self::Unknown => "an unknown compression",
        })
    }
}

const PICKLE: u32 = 1;
const INTEGER: u32 = 1 << 1;
const OLD_INTEGER: u32 = 1 << 2;
const ZLIB: u32 = 1 << 3;
const TEXT: u32 = 1 << 4;
const FORMAT_SHIFT: u32 = 8;
const COMPRESSION_SHIFT: u32 = 12;
const COMPRESSION: u32 = 0b11 << COMPRESSION_SHIFT;
const ABSENT: u32 = 1 << 14;
const TYPED: u32 = 1 << 15;
const LOAD_TIME_SHIFT: u32 = 16;
const LOAD_TIME: u32 = 0xff << LOAD_TIME_SHIFT;
const HEADER: u32 = 1 << 24;

/// An eighth of a microsecond, in nanoseconds: the finest step of the scale.
const LOAD_TIME_UNIT: u64 = 125;

/// Returns `1 + 8 * doublings + eighths` for a time of `(8 + eighths) * 2^doublings` units.
#[expect(clippy::cast_possible_truncation, reason = "what is cast is under 16")]
const fn load_code(time: Duration) -> u32 {
    let units = time.as_nanos() / LOAD_TIME_UNIT as u128;
    if units < 8 {
        return 1;
    }
    let doublings = units.ilog2() - 3;
    let eighths = (units >> doublings) as u32 - 8;
    let code = 1 + 8 * doublings + eighths;
    if code > 255 { 255 } else { code }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_format_survives_its_flags() {
        let formats = [
            Format::Bytes,
            Format::Text,
            Format::Integer,
            Format::Bincode,
            Format::Json,
            Format::MessagePack,
            Format::Postcard,
            Format::Pickle,
            Format::Unknown(9),
        ];
        for format in formats {
            assert_eq!(Flags::of(format).format(), format);
            assert_eq!(Flags::of(format).with_typed().with_absent().with_header().format(), format);
        }
    }

    #[test]
    fn the_bits_of_python_clients_are_read_in_their_order() {
        for (bits, format) in [
            (0, Format::Bytes),
            (1, Format::Pickle),
            (2, Format::Integer),
            (4, Format::Integer),
            (16, Format::Text),
            (16 | 2 | 1, Format::Text),
            (4 | 1, Format::Integer),
            (8, Format::Bytes),
            (16 | 0x100, Format::Text),
            (0x20, Format::Bytes),
        ] {
            assert_eq!(Flags::from_bits(bits).format(), format, "{bits}");
        }
    }

    #[test]
    fn the_bits_stand_where_the_table_says() {
        assert_eq!(Flags::BINCODE.bits(), 0x100);
        assert_eq!(Flags::JSON.bits(), 0x200);
        assert_eq!(Flags::BYTES.with_absent().bits(), 0x4000);
        assert_eq!(Flags::BYTES.with_typed().bits(), 0x8000);
        assert_eq!(Flags::BYTES.with_load_time(Duration::ZERO).bits(), 0x1_0000);
        assert_eq!(Flags::BYTES.with_header().bits(), 0x100_0000);
        assert!(Flags::from_bits(8).is_compressed());
        assert!(Flags::from_bits(0x1000).is_compressed());
        assert!(!Flags::from_bits(!0x3008).is_compressed());
    }

    #[test]
    fn every_compression_survives_its_flags_and_leaves_the_others_alone() {
        let plain = Flags::from_bits(!0x3008);
        assert_eq!(plain.algorithm(), None);
        for (algorithm, bits) in [
            (Algorithm::Zlib, 8),
            (Algorithm::Zstd, 0x1000),
            (Algorithm::Lz4, 0x2000),
            (Algorithm::Unknown, 0x3000),
        ] {
            assert_eq!(Flags::BYTES.with_algorithm(algorithm).bits(), bits);
            let flags = plain.with_algorithm(algorithm);
            assert_eq!(flags.algorithm(), Some(algorithm));
            assert_eq!(flags.without_compression(), plain);
        }
        assert_eq!(Flags::from_bits(0x1008).algorithm(), Some(Algorithm::Unknown));
    }

    #[test]
    fn every_load_time_code_is_a_fixed_point_of_the_scale() {
        let mut last = Duration::ZERO;
        for code in 1..=255 {
            let time = Flags::from_bits(code << LOAD_TIME_SHIFT).load_time().unwrap();
            assert!(time > last);
            assert_eq!(load_code(time), code);
            assert_eq!(load_code(time + Duration::from_nanos(100)), code);
            last = time;
        }
    }

    #[test]
    fn load_times_beyond_the_scale_are_its_ends_and_touch_no_other_bit() {
        let all = Flags::from_bits(u32::MAX);
        assert_eq!(all.with_load_time(Duration::MAX), all);
        let shortest = all.with_load_time(Duration::ZERO);
        assert_eq!(shortest.load_time(), Some(Duration::from_micros(1)));
        assert_eq!(shortest.bits() | LOAD_TIME, u32::MAX);
    }
}
