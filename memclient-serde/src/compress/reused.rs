//! What a compressor works with, kept from one value to the next.

use std::{cell::Cell, thread::LocalKey};

/// Lends the thread's own context to `work`, or makes one.
///
/// Making one costs more than a small value does. It is out of its place while it is lent, so work
/// that is done inside other work, or that panics, finds or leaves none.
pub(super) fn with<C, R>(
    place: &'static LocalKey<Cell<Option<C>>>,
    make: impl FnOnce() -> Option<C>,
    work: impl FnOnce(&mut C) -> R,
) -> Option<R> {
    // While a thread ends, its places are gone before the last of its code has run.
    let kept = place.try_with(Cell::take).ok().flatten();
    let mut context = kept.or_else(make)?;
    let outcome = work(&mut context);
    let _ = place.try_with(|place| place.set(Some(context)));
    Some(outcome)
}
