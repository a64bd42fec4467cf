//! The requests of a batch, as they come and in parts.
//!
//! All of this is held while a batch is under way, and so has types with names: of closures over borrowed
//! requests the compiler cannot tell whether they may go to another thread.

use std::{
    iter::{Enumerate, Peekable},
    slice,
};

use super::{call::OVERHEAD, flight::Asked};
use crate::{
    conn::Ask,
    error::{Error, Result},
    proto::{
        Request, WireKey,
        command::{Confirm, Delete, Gat, Get, Lease, Release, Store, Touch},
    },
};

/// How many requests and bytes go into one part: enough to fill a write, few enough that the
/// answers begin to come while the next part is on its way, and that others are not kept waiting.
const PART_REQUESTS: usize = 256;
const PART_BYTES: usize = 128 * 1024;

/// How many parts of one batch may be under way on one node.
pub(super) const WINDOW: usize = 4;

/// Of a batch that is more than can be under way at once each part is at most such a share of what is
/// left, and the last have so many requests: what parts hold comes on top of the outcomes, of which in
/// the end all are there.
const TAPER: usize = 6;
const LAST_REQUESTS: usize = 16;

/// A request as it stands in a batch.
pub(super) trait Batched: Copy + Send + Sync + Unpin {
    type Request: Request;

    /// Returns how a part of the batch is asked for.
    fn ask(part: &[Self]) -> Ask<'_, Self::Request>;

    /// Returns the key, which decides the node.
    fn key(&self) -> WireKey<'_>;

    /// Returns about how many bytes the request has.
    fn bytes(&self) -> usize;
}

impl Batched for WireKey<'_> {
    type Request = Get<'static>;

    fn ask(part: &[Self]) -> Ask<'_, Self::Request> {
        Ask::Values(part)
    }

    fn key(&self) -> WireKey<'_> {
        *self
    }

    fn bytes(&self) -> usize {
        self.len() + 1
    }
}

macro_rules! batched {
    ($($request:ident: $data:expr,)*) => {$(
        impl Batched for $request<'_> {
            type Request = Self;

            fn ask(part: &[Self]) -> Ask<'_, Self> {
                Ask::Run(part)
            }

            fn key(&self) -> WireKey<'_> {
                self.key
            }

            fn bytes(&self) -> usize {
                let data: fn(&Self) -> usize = $data;
                self.key.len() + data(self) + OVERHEAD
            }
        }
    )*};
}

batched! {
    Confirm: |_| 0,
    Delete: |_| 0,
    Gat: |_| 0,
    Get: |_| 0,
    Lease: |_| 0,
    Release: |_| 0,
    Store: |store| store.data.len(),
    Touch: |_| 0,
}

/// The requests that are valid; the others are set aside with their places.
pub(super) struct Valid<I> {
    requests: Enumerate<I>,
    pub(super) invalid: Vec<(usize, Error)>,
}

impl<R, I: Iterator<Item = Result<R>>> Valid<I> {
    pub(super) fn of(requests: I) -> Self {
        Self { requests: requests.enumerate(), invalid: Vec::new() }
    }
}

impl<R, I: Iterator<Item = Result<R>>> Iterator for Valid<I> {
    type Item = R;

    fn next(&mut self) -> Option<R> {
        loop {
            match self.requests.next()? {
                (_, Ok(request)) => return Some(request),
                (place, Err(error)) => self.invalid.push((place, error)),
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, self.requests.size_hint().1)
    }
}

/// The requests at some places.
pub(super) struct Chosen<'a, R> {
    places: slice::Iter<'a, usize>,
    requests: &'a [R],
}

impl<'a, R> Chosen<'a, R> {
    pub(super) fn new(places: &'a [usize], requests: &'a [R]) -> Self {
        Self { places: places.iter(), requests }
    }
}

impl<R: Batched> Iterator for Chosen<'_, R> {
    type Item = R;

    fn next(&mut self) -> Option<R> {
        self.places.find_map(|&place| self.requests.get(place).copied())
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, self.places.size_hint().1)
    }
}

/// Some requests of a batch that are sent together.
pub(super) struct Part<R>(pub(super) Vec<R>);

impl<R: Batched> Asked for Part<R> {
    type Request = R::Request;

    fn ask(&self) -> Ask<'_, R::Request> {
        R::ask(&self.0)
    }
}

/// The requests of one node, cut into parts.
pub(super) struct Parts<I: Iterator> {
    pub(super) rest: Peekable<I>,
    tapers: bool,
}

impl<R: Batched, I: Iterator<Item = R>> Parts<I> {
    pub(super) fn of(requests: I) -> Self {
        let rest = requests.peekable();
        let tapers = rest.size_hint().1.is_none_or(|most| most > WINDOW * PART_REQUESTS);
        Self { rest, tapers }
    }

    /// Returns for how many outcomes there should be room from the start: for all of a batch that is
    /// more than can be under way at once. One that is less makes them of the replies, of which it
    /// then holds the fewer.
    pub(super) fn room(&self) -> usize {
        if self.tapers { self.rest.size_hint().1.unwrap_or_default() } else { 0 }
    }

    /// Says whether nothing is left.
    pub(super) fn is_over(&mut self) -> bool {
        self.rest.peek().is_none()
    }
}

impl<R: Batched, I: Iterator<Item = R>> Iterator for Parts<I> {
    type Item = Part<R>;

    fn next(&mut self) -> Option<Part<R>> {
        // A request larger than a part is a part of its own.
        let first = self.rest.next()?;
        let mut bytes = first.bytes();
        let left = self.rest.size_hint().1.map_or(usize::MAX, |rest| rest + 1);
        let most = if self.tapers { (left / TAPER).max(LAST_REQUESTS) } else { left };
        let most = most.min(PART_REQUESTS);
        let mut part = Vec::with_capacity(most);
        part.push(first);
        while part.len() < most
            && let Some(request) =
                self.rest.next_if(|request| bytes + request.bytes() <= PART_BYTES)
        {
            bytes += request.bytes();
            part.push(request);
        }
        Some(Part(part))
    }
}
