//! How long a line may be, and how large a value.

use super::out_of_step::OutOfStep;

/// The longest line a server may send: memcached's own are far shorter.
const MAX_LINE: usize = 2048;

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
