//! Lines and data blocks: how long a line may be, how large a value, and how each ends.

use bytes::{Buf, Bytes, BytesMut};

use super::out_of_step::OutOfStep;

/// The longest line a server may send: memcached's own are far shorter.
pub(super) const MAX_LINE: usize = 2048;

/// What a peer may make us hold.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// The largest value, in bytes.
    pub(crate) max_value: usize,
}

impl Limits {
    /// Returns a size that a peer announces, if it is one that may be.
    pub(super) fn check(self, size: u64) -> Result<usize, OutOfStep> {
        match usize::try_from(size) {
            Ok(size) if size <= self.max_value => Ok(size),
            _ => {
                let limit = self.max_value;
                Err(OutOfStep(
                    format!("a value of {size} bytes is over the limit of {limit}").into(),
                ))
            }
        }
    }
}

/// Returns where the line's CR stands.
pub(super) fn line_end(buffer: &[u8]) -> Result<Option<usize>, OutOfStep> {
    let head = buffer.get(..MAX_LINE).unwrap_or(buffer);
    match memchr::memchr(b'\n', head) {
        Some(0) => Err(OutOfStep::new("an empty line", head)),
        Some(end) if head.get(end - 1) == Some(&b'\r') => Ok(Some(end - 1)),
        Some(_) => Err(OutOfStep::new("a line without its carriage return", head)),
        None if buffer.len() >= MAX_LINE => Err(OutOfStep::new("a line without an end", head)),
        None => Ok(None),
    }
}

/// Says whether the data block of this size behind `start` is there, its line end included.
pub(super) fn has_block(buffer: &[u8], start: usize, size: usize) -> bool {
    buffer.len() >= start + size + 2
}

/// Holds the end of a data block that is there against its size.
///
/// # Errors
/// [`OutOfStep`] when the block does not end with a line end.
pub(super) fn check_block(buffer: &[u8], start: usize, size: usize) -> Result<(), OutOfStep> {
    let terminator = buffer.get(start + size..start + size + 2).unwrap_or_default();
    if terminator != b"\r\n" && !cfg!(memclient_planted = "terminator") {
        return Err(OutOfStep::new("a value that does not end where its size says", terminator));
    }
    Ok(())
}

/// Takes a data block that was checked off the buffer, with what stands before it.
pub(super) fn take_block(buffer: &mut BytesMut, start: usize, size: usize) -> Bytes {
    let mut block = buffer.split_to(start + size + 2).freeze();
    block.advance(start);
    block.truncate(size);
    block
}
