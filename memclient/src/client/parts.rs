//! The parts in which the requests of a batch go to their nodes.

use std::{
    collections::VecDeque,
    future::{Future, poll_fn, ready},
    pin::Pin,
    task::{Context, Poll},
    time::Instant,
};

use super::{call::Call, requests::Batched};
use crate::{
    conn::Replies,
    error::{Error, Result},
};

/// How many requests and bytes go into one part: enough to fill a write, few enough that the
/// answers begin to come while the next part is on its way, and that others are not kept waiting.
const PART_REQUESTS: usize = 256;
const PART_BYTES: usize = 128 * 1024;

/// How many parts of one batch may be under way on one node.
const WINDOW: usize = 4;

/// Of a batch that is more than can be under way at once each part is at most such a share of what is
/// left, and the last have so many requests: what parts hold comes on top of the outcomes, of which in
/// the end all are there.
const TAPER: usize = 6;
const LAST_REQUESTS: usize = 16;

/// Some requests of a batch that are sent together, and their places in the batch.
pub(super) struct Part<R> {
    pub(super) places: Vec<usize>,
    pub(super) requests: Vec<R>,
    most: usize,
    bytes: usize,
}

/// A part with what came of it.
pub(super) type Answered<R> = (Part<R>, Result<Replies>);

type UnderWay<'a, R> = Pin<Box<dyn Future<Output = Answered<R>> + Send + 'a>>;

/// The requests of one node, on their way in parts.
pub(super) struct Share<'a, R> {
    pub(super) call: Call<'a>,
    /// What is not sent yet: parts to which no more is added, and the last.
    whole: VecDeque<Part<R>>,
    last: Option<Part<R>>,
    under_way: Vec<UnderWay<'a, R>>,
    /// Why no more is asked for: a part has run out of time, and each of the others would take as long.
    late: Option<Error>,
}

/// How large the parts of a batch are.
#[derive(Clone, Copy)]
pub(super) struct Sizes {
    nodes: usize,
    tapers: bool,
}

impl Sizes {
    /// Returns those for so many requests to so many nodes.
    pub(super) fn of(requests: usize, nodes: usize) -> Self {
        Self { nodes, tapers: requests > nodes * WINDOW * PART_REQUESTS }
    }

    /// Says whether the batch is more than can be under way at once.
    pub(super) fn taper(self) -> bool {
        self.tapers
    }

    /// Returns how many requests a part has at most that is begun when so many are left.
    pub(super) fn most(self, left: usize) -> usize {
        let most = if self.tapers { (left / self.nodes / TAPER).max(LAST_REQUESTS) } else { left };
        most.min(PART_REQUESTS)
    }
}

impl<R: Batched> Part<R> {
    fn new(most: usize) -> Self {
        let (places, requests) = (Vec::with_capacity(most), Vec::with_capacity(most));
        Self { places, requests, most, bytes: 0 }
    }

    /// Returns about how many bytes its requests have.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Says whether a request of so many bytes goes with the others. One that is larger than a part
    /// is a part of its own.
    fn has_room(&self, bytes: usize) -> bool {
        let fits = self.bytes + bytes <= PART_BYTES || self.requests.is_empty();
        fits && self.requests.len() < self.most
    }
}

impl<'a, R: Batched + 'a> Share<'a, R> {
    pub(super) fn new(call: Call<'a>) -> Self {
        Self { call, whole: VecDeque::new(), last: None, under_way: Vec::new(), late: None }
    }

    /// Adds a request to what is to be sent; a part that it begins has at most so many.
    pub(super) fn push(&mut self, place: usize, request: R, most: impl FnOnce() -> usize) {
        let bytes = request.bytes();
        let last = match &mut self.last {
            Some(last) if last.has_room(bytes) => last,
            last => {
                self.whole.extend(last.take());
                last.insert(Part::new(most().max(1)))
            }
        };
        last.places.push(place);
        last.requests.push(request);
        last.bytes += bytes;
        if !last.has_room(0) {
            self.whole.extend(self.last.take());
        }
    }

    /// Takes a part to which no more is added.
    pub(super) fn take_whole(&mut self) -> Option<Part<R>> {
        self.whole.pop_front()
    }

    /// Takes what is to be sent next, whole or not.
    pub(super) fn take(&mut self) -> Option<Part<R>> {
        self.whole.pop_front().or_else(|| self.last.take())
    }

    /// Says whether there is a part to which no more is added.
    pub(super) fn has_whole(&self) -> bool {
        !self.whole.is_empty()
    }

    /// Says whether another part may be sent.
    pub(super) fn is_open(&self) -> bool {
        self.under_way.len() < WINDOW
    }

    /// Says whether nothing is under way.
    pub(super) fn is_idle(&self) -> bool {
        self.under_way.is_empty()
    }

    /// Says whether all is answered.
    pub(super) fn is_over(&self) -> bool {
        self.is_idle() && self.whole.is_empty() && self.last.is_none()
    }

    /// Takes what is to be sent, where nothing else is and nothing is under way.
    pub(super) fn take_only(&mut self) -> Option<Part<R>> {
        let parts = self.whole.len() + usize::from(self.last.is_some());
        if self.is_idle() && parts == 1 { self.take() } else { None }
    }

    /// Returns why no more is asked for, if so.
    pub(super) fn late(&self) -> Option<&Error> {
        self.late.as_ref()
    }

    /// Asks for no more, and returns why.
    pub(super) fn give_up(&mut self, late: Error) -> Error {
        self.late.insert(self.call.blame(late)).clone()
    }

    /// Returns about how many bytes a part moves, in both directions.
    pub(super) fn bytes(&self, part: &Part<R>) -> usize {
        part.requests.iter().fold(part.bytes, |bytes, request| {
            bytes + self.call.node.expected_size(&request.key().key)
        })
    }

    /// Puts a part on its way.
    pub(super) async fn send(&mut self, part: Part<R>, deadline: Instant) {
        let (call, bytes) = (self.call, self.bytes(&part));
        let mut answered: UnderWay<'a, R> = Box::pin(async move {
            let replies = call.run(R::ask(&part.requests), bytes, deadline).await;
            (part, replies)
        });
        // It goes out now, and not when its answer is awaited.
        if let Poll::Ready(now) = poll_fn(|cx| Poll::Ready(answered.as_mut().poll(cx))).await {
            answered = Box::pin(ready(now));
        }
        self.under_way.push(answered);
    }

    /// Returns a part that is answered.
    pub(super) fn poll_answered(&mut self, cx: &mut Context<'_>) -> Poll<Answered<R>> {
        for (place, part) in self.under_way.iter_mut().enumerate() {
            if let Poll::Ready(answered) = part.as_mut().poll(cx) {
                drop(self.under_way.remove(place));
                return Poll::Ready(answered);
            }
        }
        Poll::Pending
    }
}
