//! Limits on what a value may cost its reader.
//!
//! Bytes from a cache are input from outside: ten of them can claim a list of 2⁴⁰ elements, and a
//! million of them a list in a list in a list. Formats know nothing of that, so each codec is
//! wrapped, and the wrapping counts:
//!
//! * **depth**: each time a value hands a (de)serializer to a value inside it, one level; at most
//!   [`MAX_DEPTH`].
//! * **elements** of sequences and maps whose length stands in the data: at most the length of the
//!   input and [`FREE_ELEMENTS`] more, over the whole value. An element of at least one byte is
//!   always paid for by the input; the constant is for those that take no bytes, such as `()`.
//! * **size hints**, by which containers allocate ahead: over the whole value no more than the
//!   length of the input. An honest value never needs more, because what takes memory takes bytes.
//! * **memory** of these elements, and of what stands in boxes: a `None` is one byte and may take a
//!   kilobyte. At most [`FREE_MEMORY`], or [`MEMORY_PER_BYTE`] times the input where that is more.
//! * **stack**, in bytes: at most [`MAX_STACK`]. Levels alone say little, because the frames of a
//!   type with large fields are large.
//!
//! Levels and elements are counted alike while writing, so that nothing is stored that no reader would
//! accept. Memory and stack are the reader's own, and far from their bounds in all but the strangest
//! values.

use std::{cell::Cell, error::Error, fmt};

use serde::{de, ser};

use crate::{
    error::{DecodeError, EncodeError, Limit},
    format::Format,
};

pub(crate) mod read;
mod write;

pub(crate) use self::write::Watched;

/// The deepest nesting that is written or read.
pub(crate) const MAX_DEPTH: u32 = 128;

/// The elements that a value may have beyond one per byte.
pub(crate) const FREE_ELEMENTS: usize = 1024;

/// The memory in bytes that elements may take whatever their number of bytes.
pub(crate) const FREE_MEMORY: usize = 128 << 20;

/// The memory in bytes that elements may take for each byte of a value.
pub(crate) const MEMORY_PER_BYTE: usize = 4;

/// The most stack in bytes that reading takes: half of what a thread has by default.
pub(crate) const MAX_STACK: usize = 1 << 20;

/// The levels in which the stack is not looked at: no type that can be read at all needs as much.
const SHALLOW: u32 = 4;

/// What a format cannot give back as it was.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Rules {
    pub(crate) no_skipped_fields: bool,
    pub(crate) no_special_floats: bool,
    pub(crate) no_null_in_some: bool,
}

/// The account of one value being read or written.
#[derive(Debug)]
pub(crate) struct Budget {
    depth: Cell<u32>,
    elements: Cell<usize>,
    hints: Cell<usize>,
    memory: Cell<usize>,
    /// Where the stack stood when reading began.
    stack: Option<usize>,
    rules: Rules,
    /// Why the budget stopped the work; the format's own error can only carry a text.
    verdict: Cell<Option<Verdict>>,
}

impl Budget {
    pub(crate) fn for_reading(len: usize) -> Self {
        Self {
            depth: Cell::new(MAX_DEPTH),
            elements: Cell::new(len.saturating_add(FREE_ELEMENTS)),
            hints: Cell::new(len),
            memory: Cell::new(memory_for(len)),
            stack: Some(here()),
            rules: Rules::default(),
            verdict: Cell::new(None),
        }
    }

    pub(crate) fn for_writing(rules: Rules) -> Self {
        Self { elements: Cell::new(usize::MAX), stack: None, rules, ..Self::for_reading(0) }
    }

    /// Checks, once the length is known, that a reader will afford the elements.
    pub(crate) fn check_written(&self, len: usize) -> Result<(), EncodeError> {
        let elements = usize::MAX - self.elements.get();
        if elements > len.saturating_add(FREE_ELEMENTS) {
            return Err(EncodeError::limit(Limit::Elements));
        }
        Ok(())
    }

    /// Turns a format's error into the reason behind it.
    pub(crate) fn explain_write(
        &self,
        format: Format,
        error: impl Error + Send + Sync + 'static,
    ) -> EncodeError {
        match self.verdict.get() {
            Some(Verdict::Limit(limit)) => EncodeError::limit(limit),
            Some(Verdict::Lossy(reason)) => EncodeError::lossy(format, reason),
            None => EncodeError::refused(format, error),
        }
    }

    /// Turns a format's error into the reason behind it.
    pub(crate) fn explain_read(
        &self,
        format: Format,
        advice: &'static str,
        error: impl Error + Send + Sync + 'static,
    ) -> DecodeError {
        match self.verdict.get() {
            Some(Verdict::Limit(limit)) => DecodeError::limit(limit),
            _ => DecodeError::content(format, advice, error),
        }
    }

    /// Goes one level down until the result is dropped.
    #[inline]
    fn descend(&self) -> Result<Level<'_>, Stopped> {
        let Some(left) = self.depth.get().checked_sub(1) else {
            return Err(self.stop(Verdict::Limit(Limit::Depth)));
        };
        if left < MAX_DEPTH - SHALLOW {
            self.check_stack()?;
        }
        self.depth.set(left);
        Ok(Level(self))
    }

    #[cold]
    #[inline(never)]
    fn check_stack(&self) -> Result<(), Stopped> {
        if self.stack.is_some_and(|start| here().abs_diff(start) > MAX_STACK) {
            return Err(self.stop(Verdict::Limit(Limit::Stack)));
        }
        Ok(())
    }

    #[inline]
    fn take_element(&self) -> Result<(), Stopped> {
        let Some(left) = self.elements.get().checked_sub(1) else {
            return Err(self.stop(Verdict::Limit(Limit::Elements)));
        };
        self.elements.set(left);
        Ok(())
    }

    #[inline]
    fn take_memory(&self, size: usize) -> Result<(), Stopped> {
        let Some(left) = self.memory.get().checked_sub(size) else {
            return Err(self.stop(Verdict::Limit(Limit::Memory)));
        };
        self.memory.set(left);
        Ok(())
    }

    /// Returns the part of a size hint that the input can justify.
    fn take_hint(&self, hint: usize) -> usize {
        let granted = hint.min(self.hints.get());
        self.hints.set(self.hints.get() - granted);
        granted
    }

    #[cold]
    fn stop(&self, verdict: Verdict) -> Stopped {
        self.verdict.set(Some(verdict));
        Stopped(verdict)
    }
}

/// Returns the memory that the elements of a value of so many bytes may take.
fn memory_for(len: usize) -> usize {
    len.saturating_mul(MEMORY_PER_BYTE).max(FREE_MEMORY)
}

/// Returns about where the stack ends.
#[inline(never)]
fn here() -> usize {
    let mark = 0_u8;
    std::hint::black_box(&raw const mark).addr()
}

/// One level of nesting, given back when dropped.
struct Level<'b>(&'b Budget);

impl Drop for Level<'_> {
    fn drop(&mut self) {
        self.0.depth.set(self.0.depth.get() + 1);
    }
}

#[derive(Clone, Copy, Debug)]
enum Verdict {
    Limit(Limit),
    Lossy(&'static str),
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Limit(limit) => limit.fmt(f),
            Self::Lossy(reason) => f.write_str(reason),
        }
    }
}

/// The budget has said no, and keeps the reason.
struct Stopped(Verdict);

impl Stopped {
    fn reading<E: de::Error>(self) -> E {
        E::custom(self.0)
    }

    fn writing<E: ser::Error>(self) -> E {
        E::custom(self.0)
    }
}
