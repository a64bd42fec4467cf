//! What is under way on one connection, and to whom each answer belongs. Nothing else decides that.
//!
//! Requests are appended to one outgoing buffer, and each run of them takes a place at the end of
//! one queue. The server answers in order, so the place at the head of the queue owns the next
//! reply; the reply must also fit the grammar of its request and echo the request's opaque. A
//! caller that leaves marks its place abandoned: its replies are still cut and checked, and then
//! dropped, so nobody else notices. Anything out of step ends the connection for everybody, with an
//! error that says whether their request may have taken effect.
//!
//! Pure: bytes and instants come in as arguments; no task, no socket, no clock. Four kinds of
//! methods: commands of callers (`enqueue`, `abandon`), what arrives (`handle_bytes`,
//! `handle_written`, `close`), what should happen next (`poll_replies`, `take_output`, `deadline`),
//! and getters.

use std::{
    collections::VecDeque,
    io,
    sync::Arc,
    task::{Poll, Waker},
    time::Instant,
};

use bytes::BytesMut;
use tokio::sync::OwnedSemaphorePermit;

use crate::{
    error::{Delivery, Error, Result, Step},
    proto::{Cut, Grammar, Limits, Opaque, OutOfStep, Reply, Request, cut},
};

#[derive(Debug)]
pub(super) struct Machine {
    limits: Limits,
    /// Encoded and not yet taken by the driver.
    out: BytesMut,
    /// How many bytes were ever appended to `out`, and how many of them the socket took.
    appended: u64,
    written: u64,
    /// In the order in which the server answers.
    queue: VecDeque<Place>,
    slots: Slots,
    next_opaque: Opaque,
    closed: Option<Closed>,
    driver: Option<Waker>,
}

/// A run of requests of one kind in the queue.
#[derive(Debug)]
struct Place {
    slot: Ticket,
    grammar: Grammar,
    /// The opaque of the next reply.
    opaque: Opaque,
    /// How many replies are still to come.
    left: usize,
    /// Where the run begins in the stream of all bytes.
    start: u64,
    deadline: Instant,
    /// The room that the run takes on the connection, given back when it is answered.
    _room: Option<OwnedSemaphorePermit>,
}

/// The number of a slot; given back by [`Machine::poll_replies`] or [`Machine::abandon`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Ticket(usize);

/// The replies to one run, one per request, in order.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Replies {
    One(Reply),
    Many(Vec<Reply>),
}

#[derive(Clone, Debug)]
enum Closed {
    /// The server or the network ended it.
    Lost(Option<Arc<io::Error>>),
    /// What the server sent is not the protocol.
    OutOfStep(Box<str>),
    /// A caller's deadline passed at the head of the queue.
    Stalled,
}

impl Machine {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            out: BytesMut::new(),
            appended: 0,
            written: 0,
            queue: VecDeque::new(),
            slots: Slots::default(),
            next_opaque: Opaque::FIRST,
            closed: None,
            driver: None,
        }
    }

    /// Appends a run of requests, which must all have the same grammar, whole.
    ///
    /// # Errors
    /// When the connection is closed: nothing was sent.
    pub(super) fn enqueue<R: Request>(
        &mut self,
        requests: &[R],
        deadline: Instant,
        room: Option<OwnedSemaphorePermit>,
    ) -> Result<Ticket> {
        if self.closed.is_some() {
            // Why it ended is no concern of a caller who had nothing on it, and may go elsewhere.
            return Err(Error::closed(Delivery::NotSent, None));
        }
        let Some(grammar) = requests.first().map(Request::grammar) else {
            return Ok(self.slots.insert(Slot::Done(Ok(Replies::Many(Vec::new())))));
        };
        let (opaque, before) = (self.next_opaque, self.out.len());
        for (place, request) in requests.iter().enumerate() {
            request.encode(opaque.plus(place), &mut self.out);
        }
        self.next_opaque = opaque.plus(requests.len());
        let slot = self.slots.insert(Slot::Waiting { replies: Vec::new(), waker: None });
        let start = self.appended;
        self.appended += (self.out.len() - before) as u64;
        self.queue.push_back(Place {
            slot,
            grammar,
            opaque,
            left: requests.len(),
            start,
            deadline,
            _room: room,
        });
        Ok(slot)
    }

    /// Takes the caller's interest away; its replies will be dropped as they come.
    pub(super) fn abandon(&mut self, ticket: Ticket) {
        match self.slots.get(ticket) {
            Some(slot @ Slot::Waiting { .. }) => *slot = Slot::Abandoned,
            Some(Slot::Done(_)) => self.slots.remove(ticket),
            Some(Slot::Abandoned | Slot::Vacant(_)) | None => {}
        }
    }

    /// Takes in what the server sent; `wakers` gets the callers that have their answer now.
    ///
    /// # Errors
    /// When the bytes are out of step; the connection is closed then.
    pub(super) fn handle_bytes(
        &mut self,
        buffer: &mut BytesMut,
        wakers: &mut Vec<Waker>,
    ) -> Result<(), OutOfStep> {
        while !buffer.is_empty() {
            let Some(place) = self.queue.front_mut() else {
                return Err(OutOfStep::new("bytes that nobody asked for", buffer));
            };
            let reply = match cut(buffer, place.grammar, place.opaque, self.limits)? {
                Cut::Whole(reply) => reply,
                Cut::Partial(_) => break,
            };
            place.left -= 1;
            place.opaque = place.opaque.plus(1);
            let (slot, last) = (place.slot, place.left == 0);
            self.slots.answer(slot, reply, last, wakers);
            if last {
                self.queue.pop_front();
            }
        }
        Ok(())
    }

    /// Counts bytes that the socket took.
    pub(super) fn handle_written(&mut self, count: usize) {
        self.written += count as u64;
    }

    /// Ends the connection; everybody who waits is told why, and whether their request may have
    /// taken effect.
    pub(super) fn close(&mut self, reason: CloseReason, wakers: &mut Vec<Waker>) {
        if self.closed.is_some() {
            return;
        }
        let closed = match reason {
            CloseReason::Lost(error) => Closed::Lost(error.map(Arc::new)),
            CloseReason::OutOfStep(OutOfStep(text)) => Closed::OutOfStep(text),
            CloseReason::Stalled => Closed::Stalled,
        };
        let stalled = self.deadline();
        for place in self.queue.drain(..) {
            let delivery =
                if place.start < self.written { Delivery::Unknown } else { Delivery::NotSent };
            // Only whose own time is up is told so; the others may have time for another connection.
            let blameless = match closed {
                Closed::Lost(_) => false,
                Closed::OutOfStep(_) => delivery == Delivery::NotSent,
                Closed::Stalled => Some(place.deadline) > stalled,
            };
            let error =
                if blameless { Error::closed(delivery, None) } else { closed.error(delivery) };
            self.slots.fail(place.slot, error, wakers);
        }
        self.out = BytesMut::new();
        self.closed = Some(closed);
    }

    /// Returns the replies to a run once all are there, and gives the ticket back then.
    ///
    /// # Errors
    /// When the connection was closed first.
    pub(super) fn poll_replies(&mut self, ticket: Ticket, waker: &Waker) -> Poll<Result<Replies>> {
        match self.slots.get(ticket) {
            Some(Slot::Waiting { waker: slot, .. }) => {
                match slot {
                    Some(known) => known.clone_from(waker),
                    None => *slot = Some(waker.clone()),
                }
                Poll::Pending
            }
            Some(Slot::Done(outcome)) => {
                let outcome = std::mem::replace(outcome, Ok(Replies::Many(Vec::new())));
                self.slots.remove(ticket);
                Poll::Ready(outcome)
            }
            Some(Slot::Abandoned | Slot::Vacant(_)) | None => {
                Poll::Ready(Err(Error::closed(Delivery::Unknown, None)))
            }
        }
    }

    /// Returns what is to be written next.
    pub(super) fn take_output(&mut self) -> BytesMut {
        self.out.split()
    }

    /// Returns when the request at the head of the queue must be answered.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.queue.front().map(|place| place.deadline)
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.is_some()
    }

    pub(super) fn has_output(&self) -> bool {
        !self.out.is_empty()
    }

    /// Returns how many runs await their answer, those of callers who left included.
    pub(super) fn in_flight(&self) -> usize {
        self.queue.len()
    }

    /// Remembers whom to wake when there is something to write.
    pub(super) fn park_driver(&mut self, waker: &Waker) {
        match &mut self.driver {
            Some(known) => known.clone_from(waker),
            None => self.driver = Some(waker.clone()),
        }
    }

    pub(super) fn wake_driver(&mut self) -> Option<Waker> {
        self.driver.take()
    }
}

/// Why a connection ends.
#[derive(Debug)]
pub(super) enum CloseReason {
    Lost(Option<io::Error>),
    OutOfStep(OutOfStep),
    Stalled,
}

impl Closed {
    fn error(&self, delivery: Delivery) -> Error {
        match self {
            Self::Lost(source) => {
                let source =
                    source.as_deref().map(|error| io::Error::new(error.kind(), error.to_string()));
                Error::closed(delivery, source)
            }
            Self::OutOfStep(text) => Error::protocol(text.clone()).delivered(delivery),
            Self::Stalled => Error::timeout(Step::Reply, delivery),
        }
    }
}

/// Where the replies of a run wait for their caller.
#[derive(Debug)]
enum Slot {
    Vacant(Option<usize>),
    Waiting { replies: Vec<Reply>, waker: Option<Waker> },
    Abandoned,
    Done(Result<Replies>),
}

/// The slots, with the vacant ones chained so that none is searched for.
#[derive(Debug, Default)]
struct Slots {
    all: Vec<Slot>,
    vacant: Option<usize>,
}

impl Slots {
    fn insert(&mut self, slot: Slot) -> Ticket {
        let vacant = self.vacant.and_then(|index| Some((index, self.all.get_mut(index)?)));
        let Some((index, place)) = vacant else {
            self.all.push(slot);
            return Ticket(self.all.len() - 1);
        };
        self.vacant = match std::mem::replace(place, slot) {
            Slot::Vacant(next) => next,
            // The chain names vacant slots only; broken, it would forget the others and harm nobody.
            Slot::Waiting { .. } | Slot::Abandoned | Slot::Done(_) => None,
        };
        Ticket(index)
    }

    fn get(&mut self, ticket: Ticket) -> Option<&mut Slot> {
        self.all.get_mut(ticket.0)
    }

    fn remove(&mut self, ticket: Ticket) {
        if let Some(slot) = self.all.get_mut(ticket.0) {
            *slot = Slot::Vacant(self.vacant.replace(ticket.0));
        }
    }

    fn answer(&mut self, ticket: Ticket, reply: Reply, last: bool, wakers: &mut Vec<Waker>) {
        match self.get(ticket) {
            Some(Slot::Waiting { replies, .. }) if !last => replies.push(reply),
            Some(slot @ Slot::Waiting { .. }) => {
                let Slot::Waiting { mut replies, waker } = std::mem::replace(slot, Slot::Abandoned)
                else {
                    return;
                };
                let replies = if replies.is_empty() {
                    Replies::One(reply)
                } else {
                    replies.push(reply);
                    Replies::Many(replies)
                };
                *slot = Slot::Done(Ok(replies));
                wakers.extend(waker);
            }
            Some(Slot::Abandoned) if last => self.remove(ticket),
            Some(Slot::Abandoned | Slot::Done(_) | Slot::Vacant(_)) | None => {}
        }
    }

    fn fail(&mut self, ticket: Ticket, error: Error, wakers: &mut Vec<Waker>) {
        match self.get(ticket) {
            Some(slot @ Slot::Waiting { .. }) => {
                let failed = Slot::Done(Err(error));
                let Slot::Waiting { waker, .. } = std::mem::replace(slot, failed) else {
                    return;
                };
                wakers.extend(waker);
            }
            Some(Slot::Abandoned) => self.remove(ticket),
            Some(Slot::Done(_) | Slot::Vacant(_)) | None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::{classic, meta};
    use crate::wire::{Charset, KeyRef};

    fn machine() -> Machine {
        Machine::new(Limits { max_value: 1024 })
    }

    fn get(key: &str) -> meta::Get<'_> {
        let key = KeyRef::new(key.as_bytes(), Charset::Ascii).unwrap();
        meta::Get { key: meta::WireKey { prefix: b"", key } }
    }

    fn receive(machine: &mut Machine, bytes: &str) -> Result<usize, OutOfStep> {
        let mut wakers = Vec::new();
        machine.handle_bytes(&mut BytesMut::from(bytes), &mut wakers).map(|()| wakers.len())
    }

    fn poll(machine: &mut Machine, ticket: Ticket) -> Poll<Result<Replies>> {
        machine.poll_replies(ticket, Waker::noop())
    }

    #[track_caller]
    fn data(outcome: Poll<Result<Replies>>) -> Option<String> {
        match outcome {
            Poll::Ready(Ok(Replies::One(Reply::Meta(reply)))) => {
                reply.data.map(|data| String::from_utf8_lossy(&data).into_owned())
            }
            other => panic!("no single reply: {other:?}"),
        }
    }

    #[test]
    fn each_caller_gets_its_own_answer() {
        let mut machine = machine();
        let deadline = Instant::now();
        let first = machine.enqueue(&[get("a")], deadline, None).unwrap();
        let second = machine.enqueue(&[get("b")], deadline, None).unwrap();
        assert_eq!(machine.take_output(), "mg a v f c t O0\r\nmg b v f c t O1\r\n");
        assert!(poll(&mut machine, second).is_pending());
        assert_eq!(receive(&mut machine, "VA 1 O0\r\nA\r\nVA 1 O1\r\nB\r\n"), Ok(1));
        assert_eq!(data(poll(&mut machine, second)), Some("B".into()));
        assert_eq!(data(poll(&mut machine, first)), Some("A".into()));
        assert_eq!(machine.in_flight(), 0);
    }

    #[test]
    fn an_abandoned_answer_reaches_nobody_and_harms_nobody() {
        let mut machine = machine();
        let deadline = Instant::now();
        let first = machine.enqueue(&[get("a"), get("b")], deadline, None).unwrap();
        let second = machine.enqueue(&[get("c")], deadline, None).unwrap();
        assert_eq!(receive(&mut machine, "VA 1 O0\r\nA\r\n"), Ok(0));
        machine.abandon(first);
        assert_eq!(receive(&mut machine, "VA 1 O1\r\nB\r\nVA 1 O2\r\nC\r\n"), Ok(0));
        assert_eq!(data(poll(&mut machine, second)), Some("C".into()));
        let third = machine.enqueue(&[get("d")], deadline, None).unwrap();
        assert!(third == first || third == second, "slots are used again");
    }

    #[test]
    fn an_answer_that_came_before_its_caller_left_frees_the_slot() {
        let mut machine = machine();
        let ticket = machine.enqueue(&[get("a")], Instant::now(), None).unwrap();
        assert_eq!(receive(&mut machine, "EN O0\r\n"), Ok(0));
        machine.abandon(ticket);
        assert_eq!(machine.enqueue(&[get("b")], Instant::now(), None).unwrap(), ticket);
    }

    #[test]
    fn a_run_is_answered_when_its_last_reply_is_there() {
        let mut machine = machine();
        let run = machine.enqueue(&[get("a"), get("b")], Instant::now(), None).unwrap();
        assert!(poll(&mut machine, run).is_pending());
        assert_eq!(receive(&mut machine, "EN O0\r\n"), Ok(0));
        assert_eq!(receive(&mut machine, "EN O1\r\n"), Ok(1));
        assert!(
            matches!(poll(&mut machine, run), Poll::Ready(Ok(Replies::Many(replies))) if replies.len() == 2)
        );
    }

    #[test]
    fn bytes_that_nobody_asked_for_are_out_of_step() {
        let mut machine = machine();
        assert!(receive(&mut machine, "EN O0\r\n").is_err());
        let ticket = machine.enqueue(&[get("a")], Instant::now(), None).unwrap();
        assert!(receive(&mut machine, "EN O0\r\nEN O1\r\n").is_err());
        assert!(poll(&mut machine, ticket).is_ready(), "what was right before is kept");
    }

    #[test]
    fn an_answer_with_anothers_opaque_is_never_handed_over() {
        let mut machine = machine();
        let first = machine.enqueue(&[get("a")], Instant::now(), None).unwrap();
        machine.enqueue(&[get("b")], Instant::now(), None).unwrap();
        assert!(receive(&mut machine, "VA 1 O1\r\nB\r\n").is_err());
        assert!(poll(&mut machine, first).is_pending());
    }

    #[test]
    fn a_stall_is_a_timeout_for_those_only_whose_own_time_is_up() {
        let mut machine = machine();
        let now = Instant::now();
        let head = machine.enqueue(&[get("a")], now, None).unwrap();
        let behind =
            machine.enqueue(&[get("b")], now + std::time::Duration::from_millis(1), None).unwrap();
        let length = machine.take_output().len();
        machine.handle_written(length);
        machine.close(CloseReason::Stalled, &mut Vec::new());
        assert!(matches!(poll(&mut machine, head), Poll::Ready(Err(error)) if error.is_timeout()));
        assert!(matches!(poll(&mut machine, behind), Poll::Ready(Err(error)) if error.is_closed()));
        assert!(
            machine
                .enqueue(&[get("c")], now, None)
                .is_err_and(|error| error.is_closed() && error.is_retryable())
        );
    }

    #[test]
    fn what_was_not_sent_when_the_server_lied_may_go_elsewhere() {
        let mut machine = machine();
        let sent = machine.enqueue(&[get("a")], Instant::now(), None).unwrap();
        let length = machine.take_output().len();
        machine.handle_written(length);
        let unsent = machine.enqueue(&[get("b")], Instant::now(), None).unwrap();
        machine.close(CloseReason::OutOfStep(OutOfStep("x".into())), &mut Vec::new());
        assert!(matches!(poll(&mut machine, sent), Poll::Ready(Err(error)) if error.is_protocol()));
        assert!(
            matches!(poll(&mut machine, unsent), Poll::Ready(Err(error)) if error.is_closed() && error.is_retryable())
        );
    }

    #[test]
    fn closing_tells_each_caller_whether_its_request_was_sent() {
        let mut machine = machine();
        let sent = machine.enqueue(&[get("a")], Instant::now(), None).unwrap();
        let length = machine.take_output().len();
        machine.handle_written(length);
        let unsent = machine.enqueue(&[get("b")], Instant::now(), None).unwrap();
        machine.close(CloseReason::Lost(None), &mut Vec::new());
        let delivery = |outcome| match outcome {
            Poll::Ready(Err(error)) => Error::delivery(&error),
            other => panic!("{other:?}"),
        };
        assert_eq!(delivery(poll(&mut machine, sent)), Delivery::Unknown);
        assert_eq!(delivery(poll(&mut machine, unsent)), Delivery::NotSent);
        assert!(
            machine
                .enqueue(&[classic::Version], Instant::now(), None)
                .is_err_and(|error| error.is_retryable())
        );
    }
}
