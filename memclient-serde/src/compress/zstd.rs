//! Zstandard frames.

use std::cell::Cell;

use zstd::zstd_safe::{
    self, CCtx, CParameter, DCtx, ResetDirective, SafeResult,
    zstd_sys::ZSTD_ErrorCode::ZSTD_error_dstSize_tooSmall,
};

use super::reused;
use crate::{error::DecodeError, flags::Algorithm};

thread_local! {
    static COMPRESS: Cell<Option<CCtx<'static>>> = const { Cell::new(None) };
    static DECOMPRESS: Cell<Option<DCtx<'static>>> = const { Cell::new(None) };
}

/// Beyond this the tables of a context grow to many megabytes at high levels, too much to keep in
/// each thread, and the time to make one no longer matters.
const LARGE: usize = 128 << 10;

/// Returns one frame, if it has at most `room` bytes.
pub(super) fn compress(data: &[u8], level: i32, room: usize) -> Option<Vec<u8>> {
    let mut output = Vec::with_capacity(room);
    let mut work = |context: &mut CCtx<'static>| frame(context, data, level, &mut output);
    let written = if data.len() <= LARGE {
        reused::with(&COMPRESS, CCtx::try_create, work)?
    } else {
        work(&mut CCtx::try_create()?)
    };
    written.is_ok().then_some(output)
}

fn frame(context: &mut CCtx<'static>, data: &[u8], level: i32, output: &mut Vec<u8>) -> SafeResult {
    // A value that found no room has left its frame unfinished.
    context.reset(ResetDirective::SessionOnly)?;
    context.set_parameter(CParameter::CompressionLevel(level))?;
    context.set_parameter(CParameter::ChecksumFlag(true))?;
    context.compress2(output, data)
}

/// Reads one frame, which is all of `data`, into the empty `output`.
pub(super) fn decompress(
    data: &[u8],
    limit: usize,
    output: &mut Vec<u8>,
) -> Result<(), DecodeError> {
    let damaged = || DecodeError::damaged(Algorithm::Zstd);
    let used = zstd_safe::find_frame_compressed_size(data).map_err(|_| damaged())?;
    if used != data.len() {
        return Err(DecodeError::trailing(used, data.len()));
    }
    let claimed = zstd_safe::get_frame_content_size(data).map_err(|_| damaged())?;
    let claimed = claimed.map(|size| usize::try_from(size).unwrap_or(usize::MAX));
    if claimed.is_some_and(|size| size > limit) {
        return Err(DecodeError::too_large(Algorithm::Zstd, limit));
    }
    let most = claimed.unwrap_or(limit);
    let read = reused::with(&DECOMPRESS, DCtx::try_create, |context| {
        // In one piece into a buffer of the right size, because a stream would have to keep as
        // large a window as the frame likes to claim. A claim that the length makes likely is
        // believed; beyond it each try has four times the room.
        let mut room = most.min(data.len().saturating_mul(RATIO).max(SMALLEST));
        loop {
            *output = Vec::new();
            output.reserve_exact(room);
            match context.decompress(output, data) {
                Ok(_) => return Ok(()),
                Err(code) if zstd_safe::is_error_kind(code, ZSTD_error_dstSize_tooSmall) => {}
                Err(_) => return Err(damaged()),
            }
            if room == most {
                return Err(match claimed {
                    Some(_) => damaged(),
                    None => DecodeError::too_large(Algorithm::Zstd, limit),
                });
            }
            room = most.min(room.saturating_mul(4));
        }
    });
    read.unwrap_or_else(|| Err(damaged()))
}

/// How many bytes of a value each compressed byte is believed to be, and the least room to begin
/// with.
const RATIO: usize = 16;
const SMALLEST: usize = 4 << 10;

#[cfg(test)]
mod tests {
    use zstd::stream::encode_all;

    use super::*;
    use crate::error::DecodeErrorKind;

    #[track_caller]
    fn refused(frame: &[u8], limit: usize, kind: DecodeErrorKind) {
        let mut output = Vec::new();
        assert_eq!(decompress(frame, limit, &mut output).unwrap_err().kind(), kind);
        assert!(output.capacity() <= limit, "{} for {limit}", output.capacity());
    }

    #[test]
    fn a_frame_that_claims_its_size_is_refused_at_once_beyond_the_limit() {
        let zeros = compress(&vec![0; 10 << 20], 3, 1 << 20).unwrap();
        assert!(zeros.len() < 16 << 10);
        for limit in [0, 1, 1000, 1 << 20, (10 << 20) - 1] {
            refused(&zeros, limit, DecodeErrorKind::Limit);
        }
        let mut output = Vec::new();
        decompress(&zeros, 10 << 20, &mut output).unwrap();
        assert_eq!(output, vec![0; 10 << 20]);
        assert_eq!(output.capacity(), 10 << 20);
    }

    #[test]
    fn a_frame_without_its_size_is_read_as_far_as_the_limit() {
        let zeros = encode_all(&vec![0; 10 << 20][..], 3).unwrap();
        assert_eq!(zstd_safe::get_frame_content_size(&zeros).ok().flatten(), None);
        for limit in [0, 1, 1000, 1 << 20, (10 << 20) - 1] {
            refused(&zeros, limit, DecodeErrorKind::Limit);
        }
        let mut output = Vec::new();
        decompress(&zeros, 10 << 20, &mut output).unwrap();
        assert_eq!(output, vec![0; 10 << 20]);
    }

    #[test]
    fn a_claim_that_the_length_does_not_make_likely_is_not_believed() {
        // A frame of one segment that claims 32 MiB, and a block that is a single byte.
        let frame = [&b"\x28\xb5\x2f\xfd\xa0"[..], &(32_u32 << 20).to_le_bytes(), b"\x09\0\0x"];
        let mut output = Vec::new();
        let error = decompress(&frame.concat(), 64 << 20, &mut output).unwrap_err();
        assert_eq!(error.kind(), DecodeErrorKind::Corrupt);
        assert!(output.capacity() <= SMALLEST, "{}", output.capacity());
    }

    #[test]
    fn a_failure_leaves_the_next_value_alone() {
        let data = b"again ".repeat(1000);
        for level in [-7, 3, 19] {
            assert_eq!(compress(&data, level, 10), None);
            let frame = compress(&data, level, 1000).unwrap();
            let mut damaged = frame.clone();
            damaged[20] ^= 0xff;
            for _ in 0..2 {
                assert!(decompress(&damaged, data.len(), &mut Vec::new()).is_err());
                let mut output = Vec::new();
                decompress(&frame, data.len(), &mut output).unwrap();
                assert_eq!(output, data);
            }
        }
    }

    #[test]
    fn two_frames_are_one_too_many() {
        let frame = compress(&[7; 5000], 3, 5000).unwrap();
        refused(&[&frame[..], &frame].concat(), 1 << 20, DecodeErrorKind::TrailingBytes);
    }

    #[test]
    fn a_changed_byte_is_found_by_the_checksum() {
        let data: Vec<u8> = (0..5000_u32).flat_map(|n| (n / 3).to_string().into_bytes()).collect();
        let frame = compress(&data, 3, data.len()).unwrap();
        for place in 0..frame.len() {
            let mut frame = frame.clone();
            frame[place] ^= 0x10;
            let mut output = Vec::new();
            let read = decompress(&frame, 1 << 20, &mut output);
            assert!(read.is_err() || output == data, "byte {place}");
        }
    }
}
