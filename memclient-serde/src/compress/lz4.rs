//! One LZ4 block, with the size of the value before it.
//!
//! The frame format would bring a checksum, and tables of 64 KiB for each value; blocks are what
//! small values need. The size comes from outside as well: no block can be longer than 255 times
//! its bytes, so a lie has its bound in the length of the input.

use crate::{error::DecodeError, flags::Algorithm};

/// Returns the size and the block, if they have at most `room` bytes.
pub(super) fn compress(data: &[u8], room: usize) -> Option<Vec<u8>> {
    let output = lz4_flex::block::compress_prepend_size(data);
    (output.len() <= room).then_some(output)
}

/// Reads the size and one block, which are all of `data`, into the empty `output`.
pub(super) fn decompress(
    data: &[u8],
    limit: usize,
    output: &mut Vec<u8>,
) -> Result<(), DecodeError> {
    let damaged = || DecodeError::damaged(Algorithm::Lz4);
    let (size, block) = data.split_first_chunk().ok_or_else(damaged)?;
    let size = usize::try_from(u32::from_le_bytes(*size)).unwrap_or(usize::MAX);
    if size > limit {
        return Err(DecodeError::too_large(Algorithm::Lz4, limit));
    }
    if size > block.len().saturating_mul(255) {
        return Err(damaged());
    }
    *output = vec![0; size];
    match lz4_flex::block::decompress_into(block, output) {
        Ok(read) if read == size => Ok(()),
        _ => Err(damaged()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::DecodeErrorKind::{self, Corrupt, Limit};

    #[track_caller]
    fn refused(data: &[u8], limit: usize, kind: DecodeErrorKind) {
        let mut output = Vec::new();
        assert_eq!(decompress(data, limit, &mut output).unwrap_err().kind(), kind);
        assert!(output.capacity() <= data.len() * 255, "{}", output.capacity());
    }

    #[test]
    fn a_size_is_believed_as_far_as_limit_and_length_allow() {
        let zeros = compress(&vec![0; 10 << 20], 1 << 20).unwrap();
        assert!(zeros.len() < 64 << 10);
        for limit in [0, 1, 1000, 1 << 20, (10 << 20) - 1] {
            let mut output = Vec::new();
            assert_eq!(decompress(&zeros, limit, &mut output).unwrap_err().kind(), Limit);
            assert_eq!(output.capacity(), 0);
        }
        let mut output = Vec::new();
        decompress(&zeros, 10 << 20, &mut output).unwrap();
        assert_eq!(output, vec![0; 10 << 20]);
        refused(b"\xff\xff\xff\x03\x10x", 64 << 20, Corrupt);
        refused(b"\xff\xff\xff\xffx", usize::MAX, Corrupt);
    }

    #[test]
    fn a_size_that_is_not_the_blocks_own_is_refused() {
        assert!(decompress(b"\x01\0\0\0\x10x", 1, &mut Vec::new()).is_ok());
        refused(b"\0\0\0\0\x10x", 64, Corrupt);
        refused(b"\x02\0\0\0\x10x", 64, Corrupt);
        refused(b"\x01\0\0\0\x10xx", 64, Corrupt);
        refused(b"\0\0\0\0", 64, Corrupt);
        refused(b"\x01\0\0", 64, Corrupt);
    }
}
