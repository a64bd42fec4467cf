use crate::{Compression, Flags, Payload};

/// Decompresses bytes within a limit: a byte chooses the compression, two the limit. What comes out
/// is within it, is the same under every limit that it is within, and comes out again when it is
/// compressed.
pub fn decompress(input: &[u8]) {
    let [choice, low, high, data @ ..] = input else { return };
    let limit = usize::from(u16::from_le_bytes([*low, *high]));
    // zlib, zstd and lz4, and what nobody writes.
    let flags = [8, 0x1000, 0x2000, 0x3000, 0x1008][usize::from(*choice % 5)];
    let payload = Payload::new(data.to_vec(), Flags::from_bits(flags));
    let Ok(plain) = payload.clone().decompressed(limit) else { return };
    assert!(plain.data.len() <= limit, "{} bytes where {limit} are allowed", plain.data.len());
    assert!(!plain.flags.is_compressed());
    let is_plain = |other: &Payload| assert_eq!(other, &plain);

    let exact = payload.clone().decompressed(plain.data.len());
    assert!(exact.as_ref().is_ok_and(|exact| exact == &plain), "{exact:?}");
    if let Some(less) = plain.data.len().checked_sub(1) {
        assert!(payload.decompressed(less).is_err(), "more than {less} bytes");
    }
    for compression in written() {
        let again = plain.clone().compressed(compression.threshold(0));
        match again.decompressed(limit) {
            Ok(again) => is_plain(&again),
            Err(error) => panic!("what was compressed is not read: {error}"),
        }
    }
}

fn written() -> impl Iterator<Item = Compression> {
    [
        #[cfg(feature = "zlib")]
        Compression::zlib(1),
        #[cfg(feature = "zstd")]
        Compression::zstd(1),
        #[cfg(feature = "lz4")]
        Compression::lz4(),
        Compression::NONE,
    ]
    .into_iter()
}
