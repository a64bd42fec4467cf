//! `MurmurHash3_x86_32` (Austin Appleby, public domain), over bytes that come one by one.

/// Returns the hash of the bytes with seed 0.
pub(super) fn murmur3(bytes: impl Iterator<Item = u8>) -> u32 {
    let (mut hash, mut block, mut length) = (0u32, 0u32, 0u32);
    for byte in bytes {
        block |= u32::from(byte) << (8 * (length % 4));
        length = length.wrapping_add(1);
        if length.is_multiple_of(4) {
            hash =
                (hash ^ scramble(block)).rotate_left(13).wrapping_mul(5).wrapping_add(0xe654_6b64);
            block = 0;
        }
    }
    if !length.is_multiple_of(4) {
        hash ^= scramble(block);
    }
    hash ^= length;
    hash = (hash ^ (hash >> 16)).wrapping_mul(0x85eb_ca6b);
    hash = (hash ^ (hash >> 13)).wrapping_mul(0xc2b2_ae35);
    hash ^ (hash >> 16)
}

fn scramble(block: u32) -> u32 {
    block.wrapping_mul(0xcc9e_2d51).rotate_left(15).wrapping_mul(0x1b87_3593)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_hashes_are_reproduced() {
        for (text, hash) in [
            ("", 0),
            ("a", 1_009_084_850),
            ("ab", 2_613_040_991),
            ("abc", 3_017_643_002),
            ("abcd", 1_139_631_978),
            ("6666", 1_361_238_019),
            ("127.0.0.1:11211-key", 1_303_438_423),
            ("/tmp/mc.sock-key", 3_558_107_592),
        ] {
            assert_eq!(murmur3(text.bytes()), hash, "{text}");
        }
    }
}
