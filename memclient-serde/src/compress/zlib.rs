//! zlib streams, as Python's clients write and read them.

use std::cell::Cell;

use flate2::{Compress, Decompress, FlushCompress, FlushDecompress, Status};

use super::reused;
use crate::{error::DecodeError, flags::Algorithm};

thread_local! {
    static DEFLATE: Cell<Option<Deflate>> = const { Cell::new(None) };
    static INFLATE: Cell<Option<Decompress>> = const { Cell::new(None) };
}

struct Deflate {
    level: u32,
    context: Compress,
}

impl Deflate {
    fn new(level: u32) -> Self {
        Self { level, context: Compress::new(flate2::Compression::new(level), true) }
    }
}

/// Returns the stream, if it has at most `room` bytes.
pub(super) fn compress(data: &[u8], level: u32, room: usize) -> Option<Vec<u8>> {
    let mut output = Vec::with_capacity(room);
    let status = reused::with(
        &DEFLATE,
        || Some(Deflate::new(level)),
        |deflate| {
            if deflate.level != level {
                *deflate = Deflate::new(level);
            }
            deflate.context.reset();
            deflate.context.compress_vec(data, &mut output, FlushCompress::Finish)
        },
    )?;
    matches!(status, Ok(Status::StreamEnd)).then_some(output)
}

/// Reads one stream, which is all of `data`, into the empty `output`.
pub(super) fn decompress(
    data: &[u8],
    limit: usize,
    output: &mut Vec<u8>,
) -> Result<(), DecodeError> {
    let read = reused::with(
        &INFLATE,
        || Some(Decompress::new(true)),
        |context| {
            context.reset(true);
            inflate(context, data, limit, output)
        },
    );
    read.unwrap_or_else(|| Err(DecodeError::damaged(Algorithm::Zlib)))
}

fn inflate(
    context: &mut Decompress,
    data: &[u8],
    limit: usize,
    output: &mut Vec<u8>,
) -> Result<(), DecodeError> {
    // A byte beyond the limit shows that there are more, and gives room to read the checksum.
    let most = limit.saturating_add(1);
    loop {
        if output.len() == output.capacity() {
            let more = output.len().max(data.len().saturating_mul(2)).max(SMALLEST);
            output.reserve_exact(more.min(most - output.len()));
        }
        let used = usize::try_from(context.total_in()).unwrap_or(usize::MAX);
        let rest = data.get(used..).unwrap_or_default();
        let status = context
            .decompress_vec(rest, output, FlushDecompress::None)
            .map_err(|_| DecodeError::damaged(Algorithm::Zlib))?;
        if output.len() > limit {
            return Err(DecodeError::too_large(Algorithm::Zlib, limit));
        }
        if status == Status::StreamEnd {
            let used = usize::try_from(context.total_in()).unwrap_or(usize::MAX);
            return if used == data.len() {
                Ok(())
            } else {
                Err(DecodeError::trailing(used, data.len()))
            };
        }
        if output.len() < output.capacity() {
            return Err(DecodeError::damaged(Algorithm::Zlib));
        }
    }
}

/// The least room to begin with.
const SMALLEST: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::DecodeErrorKind;

    #[test]
    fn the_room_grows_with_what_was_read_and_ends_at_the_limit() {
        let zeros = compress(&vec![0; 10 << 20], 9, 1 << 20).unwrap();
        assert!(zeros.len() < 16 << 10);
        for limit in [0, 1, 1000, 1 << 20, (10 << 20) - 1] {
            let mut output = Vec::new();
            let error = decompress(&zeros, limit, &mut output).unwrap_err();
            assert_eq!(error.kind(), DecodeErrorKind::Limit);
            assert!(output.capacity() <= limit + 1, "{} for {limit}", output.capacity());
        }
        let mut output = Vec::new();
        decompress(&zeros, 10 << 20, &mut output).unwrap();
        assert_eq!(output, vec![0; 10 << 20]);
    }

    #[test]
    fn levels_may_follow_each_other() {
        let data = b"level ".repeat(1000);
        for (level, effort) in [(1, 0), (9, 3), (9, 3), (1, 0), (6, 2)] {
            let stored = compress(&data, level, data.len()).unwrap();
            // The second byte of a stream tells how much its writer tried.
            assert_eq!(stored[1] >> 6, effort, "{level}");
            let mut output = Vec::new();
            decompress(&stored, data.len(), &mut output).unwrap();
            assert_eq!(output, data);
        }
    }
}
