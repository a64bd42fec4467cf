//! Compressed values come back as they were; what others made of them is read or refused, within
//! the limit.

use bytes::Bytes;
use memclient_serde::{CacheValue, Compression, DecodeErrorKind, Decoded, Flags, Format, Payload};
use proptest::prelude::*;

/// What this build can write, with the bits that name it.
fn compressions() -> Vec<(Compression, u32)> {
    vec![
        #[cfg(feature = "zlib")]
        (Compression::zlib(6), 8),
        #[cfg(feature = "zstd")]
        (Compression::zstd(3), 0x1000),
        #[cfg(feature = "lz4")]
        (Compression::lz4(), 0x2000),
    ]
}

fn payload(bits: u32, data: impl Into<Bytes>) -> Payload {
    Payload::new(data, Flags::from_bits(bits))
}

fn text(len: usize) -> String {
    let words = (0..=len / 6).map(|number| format!("word {} ", number * number % 97));
    let mut text: String = words.collect();
    text.truncate(len);
    text
}

#[test]
fn a_compressed_value_is_smaller_names_its_compression_and_decodes_to_itself() {
    for (compression, bits) in compressions() {
        let value = text(5000);
        let stored = value.encode().unwrap().compressed(compression);
        assert!(stored.data.len() < 2000, "{compression:?}: {}", stored.data.len());
        assert_eq!(stored.flags.bits(), 16 | bits);
        assert_eq!(String::decode(&stored).unwrap(), value);
        assert_eq!(Bytes::decode(&stored).unwrap(), value);
        assert_eq!(stored.decoded().unwrap(), Decoded::Text(value.clone()));
        assert_eq!(stored.decompressed(5000).unwrap(), value.encode().unwrap());
    }
}

#[cfg(any(feature = "bincode", feature = "json"))]
#[test]
fn a_value_of_a_codec_decodes_to_itself() {
    for (compression, bits) in compressions() {
        let value: Vec<(String, u32)> = (0..300).map(|n| (text(20), n)).collect();
        let plain = value.encode().unwrap();
        let stored = plain.clone().compressed(compression);
        assert_eq!(stored.flags.bits(), plain.flags.bits() | bits);
        assert_eq!(Vec::<(String, u32)>::decode(&stored).unwrap(), value);
        assert!(String::decode(&stored).unwrap_err().is_format_mismatch());
    }
}

#[test]
fn some_values_are_stored_as_they_are() {
    let random: Vec<u8> = (0_u64..500)
        .flat_map(|n| (n + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29).to_be_bytes())
        .collect();
    let zeros = vec![b'0'; 2000];
    for compression in compressions().into_iter().map(|(it, _)| it).chain([Compression::NONE]) {
        for plain in [
            payload(16, text(1023)),
            payload(0, random.clone()),
            payload(0, [&random[..], &zeros[..300]].concat()),
            payload(2, zeros.clone()),
            payload(4, zeros.clone()),
            payload(8, zeros.clone()),
            payload(0x1000, zeros.clone()),
            payload(0x3000, zeros.clone()),
            payload(0x100_0000, zeros.clone()),
            payload(0x4000, Bytes::new()),
            payload(0, vec![0; Compression::LIMIT + 1]),
        ] {
            let flags = plain.flags;
            assert_eq!(plain.clone().compressed(compression), plain, "{compression:?} {flags:?}");
        }
    }
    for (compression, bits) in compressions() {
        let stored = payload(16, text(1024)).compressed(compression);
        assert_eq!(stored.flags.bits(), 16 | bits);
        let stored = payload(16, "word ".repeat(20)).compressed(compression.threshold(100));
        assert_eq!(stored.flags.bits(), 16 | bits);
        let stored = payload(0, Bytes::new()).compressed(compression.threshold(0));
        assert_eq!(stored, payload(0, Bytes::new()));
    }
}

#[test]
fn levels_beyond_the_scale_are_its_ends() {
    #[cfg(feature = "zlib")]
    {
        assert_eq!(Compression::zlib(0), Compression::zlib(1));
        assert_eq!(Compression::zlib(u32::MAX), Compression::zlib(9));
    }
    #[cfg(feature = "zstd")]
    {
        assert_eq!(Compression::zstd(i32::MIN), Compression::zstd(-7));
        assert_eq!(Compression::zstd(i32::MAX), Compression::zstd(19));
        for level in -7..=19 {
            let stored = payload(0, text(3000)).compressed(Compression::zstd(level));
            assert_eq!(stored.decompressed(3000).unwrap(), payload(0, text(3000)), "{level}");
        }
    }
    assert!(Compression::default().is_none());
}

/// Bytes that others wrote; `data` is the text they come to.
#[cfg(any(feature = "zlib", feature = "zstd", feature = "lz4"))]
#[track_caller]
fn golden(bits: u32, bytes: &[u8], data: &str) {
    let stored = payload(bits, bytes.to_vec());
    let expected = payload(bits & !0x3008, data.to_owned());
    assert_eq!(stored.decompressed(data.len()).unwrap(), expected);
}

#[cfg(feature = "zlib")]
#[test]
fn zlib_is_read_as_python_writes_it_with_each_type() {
    // zlib.compress(b'memcached ' * 12) of Python.
    let words =
        b"\x78\x9c\xcb\x4d\xcd\x4d\x4e\x4c\xce\x48\x4d\x51\xc8\xa5\x2b\x0b\x00\x9a\xfa\x2c\x95";
    golden(8, words, &"memcached ".repeat(12));
    let stored = payload(16 | 8, &words[..]);
    assert_eq!(String::decode(&stored).unwrap(), "memcached ".repeat(12));

    let number = Compression::zlib(6).threshold(0);
    let digits = payload(0, "1".repeat(30)).compressed(number);
    let stored = payload(2 | 8, digits.data);
    assert_eq!(u128::decode(&stored).unwrap().to_string(), "1".repeat(30));
    assert!(matches!(stored.decoded().unwrap(), Decoded::Integer(_)));
    let error = Bytes::decode(&payload(1 | 8, &words[..])).unwrap_err();
    assert_eq!(error.kind(), DecodeErrorKind::UnsupportedFormat);
}

#[cfg(feature = "zstd")]
#[test]
fn zstd_is_one_frame() {
    let stored = payload(0, "z".repeat(2000)).compressed(Compression::zstd(3));
    // Magic, a single segment whose size has two bytes and a checksum, the size less 256.
    assert_eq!(stored.data[..7], *b"\x28\xb5\x2f\xfd\x64\xd0\x06");
    // A raw block, without size and checksum, as a stream writes it.
    golden(0x1000, b"\x28\xb5\x2f\xfd\x00\x00\x19\x00\x00abc", "abc");
}

#[cfg(feature = "lz4")]
#[test]
fn lz4_is_the_size_and_one_block() {
    // lz4.block.compress(b'z' * 2000) of Python.
    let python = b"\xd0\x07\0\0\x1fz\x01\0\xff\xff\xff\xff\xff\xff\xff\xbe\x50zzzzz";
    golden(0x2000, python, &"z".repeat(2000));
    let ours = b"\xd0\x07\0\0\x1fz\x01\0\xff\xff\xff\xff\xff\xff\xff\xbd\x60zzzzzz";
    golden(0x2000, ours, &"z".repeat(2000));
    let stored = payload(0, "z".repeat(2000)).compressed(Compression::lz4());
    assert_eq!(stored.data[..4], python[..4]);
}

#[test]
fn a_bomb_is_refused_by_its_limit_and_read_below_it() {
    const SIZE: usize = 10 << 20;

    for (compression, _) in compressions() {
        let stored = payload(0, vec![0; SIZE]).compressed(compression);
        assert!(stored.data.len() < 64 << 10);
        let error = stored.clone().decompressed(1 << 20).unwrap_err();
        assert_eq!(error.kind(), DecodeErrorKind::Limit);
        assert!(error.to_string().contains("1048576"), "{error}");
        assert!(stored.clone().decompressed(SIZE - 1).is_err());
        assert_eq!(stored.decompressed(SIZE).unwrap().data.len(), SIZE);
    }
}

#[test]
fn cut_off_and_longer_values_are_told_apart_from_whole_ones() {
    for (compression, _) in compressions() {
        let stored = payload(16, text(3000)).compressed(compression);
        for cut in 0..stored.data.len() {
            let error = Payload::new(stored.data.slice(..cut), stored.flags);
            let error = error.decompressed(4000).unwrap_err();
            assert_eq!(error.kind(), DecodeErrorKind::Corrupt, "{compression:?} at {cut}");
        }
        let longer = Payload::new([&stored.data[..], b"\0"].concat(), stored.flags);
        assert!(longer.decompressed(4000).unwrap_err().is_corrupt(), "{compression:?}");
    }
}

#[test]
fn a_compression_that_is_not_read_is_named_with_its_feature() {
    for (bits, name, read) in [
        (8, "zlib", cfg!(feature = "zlib")),
        (0x1000, "zstd", cfg!(feature = "zstd")),
        (0x2000, "lz4", cfg!(feature = "lz4")),
        (0x3000, "none that is known", false),
        (0x1008, "none that is known", false),
    ] {
        let error = String::decode(&payload(16 | bits, "x")).unwrap_err();
        assert_eq!(error.is_unsupported(), !read, "{error}");
        assert!(error.to_string().contains(name), "{error}");
        if !read && bits.is_power_of_two() {
            assert!(error.to_string().contains(&format!("feature `{name}`")), "{error}");
        }
    }
}

fn data() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..4000),
        (prop::collection::vec(any::<u8>(), 1..40), 1..400_usize)
            .prop_map(|(part, times)| part.repeat(times)),
    ]
}

proptest! {
    #[test]
    fn whatever_is_compressed_comes_back_with_its_flags(
        data in data(),
        bits in any::<u32>(),
        threshold in 0..100_usize,
    ) {
        for (compression, _) in compressions() {
            let plain = payload(bits & !0x3008, data.clone());
            let stored = plain.clone().compressed(compression.threshold(threshold));
            prop_assert!(stored.data.len() <= plain.data.len());
            prop_assert_eq!(stored.flags.format(), plain.flags.format());
            if plain.flags.format() == Format::Integer {
                prop_assert_eq!(&stored, &plain);
            }
            prop_assert_eq!(stored.decompressed(plain.data.len()).unwrap(), plain);
        }
    }

    #[test]
    fn random_bytes_are_read_or_refused(
        data in prop::collection::vec(any::<u8>(), 0..200),
        bits in prop::sample::select(vec![8, 16 | 8, 2 | 8, 0x1000, 0x2000, 0x3000, 0x1008]),
        head in prop::sample::select(vec![
            &b""[..], b"\x78\x9c", b"\x28\xb5\x2f\xfd", b"\x28\xb5\x2f\xfd\x00", b"\x40\0\0\0",
        ]),
        limit in 0..10_000_usize,
    ) {
        let stored = payload(bits, [head, &data].concat());
        if let Ok(read) = stored.clone().decompressed(limit) {
            prop_assert!(read.data.len() <= limit);
            prop_assert!(!read.flags.is_compressed());
        }
        let _ = (stored.decoded(), String::decode(&stored), u64::decode(&stored));
    }

    #[test]
    fn damaged_values_are_read_or_refused(
        data in data(),
        place in any::<prop::sample::Index>(),
        change in 1..=u8::MAX,
    ) {
        for (compression, _) in compressions() {
            let stored = payload(0, data.clone()).compressed(compression.threshold(1));
            let mut bytes = stored.data.to_vec();
            if bytes.is_empty() {
                continue;
            }
            bytes[place.index(stored.data.len())] ^= change;
            if let Ok(read) = Payload::new(bytes, stored.flags).decompressed(data.len()) {
                prop_assert!(read.data.len() <= data.len());
            }
        }
    }
}
