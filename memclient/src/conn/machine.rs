//! What is under way on one connection, and to whom each answer belongs. Nothing else decides that.
//!
//! Requests are appended to one outgoing buffer, and each run of them takes a place at the end of
//! one queue. The server answers in order, so the place at the head of the queue owns the next
//! reply. A meta reply must also fit the grammar of its request and echo its opaque; an item that a
//! gathered `get` finds must carry the next of its keys that is left. A caller that leaves marks
//! its slot abandoned: its replies are still cut and checked, and then dropped, so nobody else
//! notices. Anything out of step ends the connection for everybody, with an error that says whether
//! their request may have taken effect.
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

use super::{
    gather::{Asked, Command, Gathering, Lone, Single},
    slots::{Replies, Slots, Ticket},
    tally::Receipt,
};
use crate::{
    error::{Delivery, Error, Result, Step},
    proto::{
        Grammar, Limits, Opaque, OutOfStep, Reply, Request, Spoken, WireKey,
        command::{Get, GetAgain},
        cut, leaves_in_step,
    },
};

/// What a request costs beside its bytes, so that many small ones are bounded too.
const REQUEST_COST: usize = 64;

/// How much is set aside at once for what goes out.
const OUT_CHUNK: usize = 16 * 1024;

#[derive(Debug)]
pub(super) struct Machine {
    limits: Limits,
    spoken: Spoken,
    /// How much may be under way, in bytes of requests.
    max_cost: usize,
    cost: usize,
    /// Whether somebody was told that there is no room.
    refused: bool,
    /// Encoded and not yet taken.
    out: BytesMut,
    gathering: Gathering,
    lone: Lone,
    gathered_cost: usize,
    /// The deadline of the first key that is being gathered.
    gathered_deadline: Option<Instant>,
    /// How many bytes were ever appended to `out`, and how many of them were given to the socket.
    appended: u64,
    written: u64,
    /// In the order in which the server answers.
    queue: VecDeque<Place>,
    asked: Asked,
    misses: Misses,
    slots: Slots,
    next_opaque: Opaque,
    /// How many calls were ever enqueued.
    enqueued: u64,
    closed: Option<Closed>,
}

/// Requests in the queue that are answered one after the other.
#[derive(Debug)]
struct Place {
    kind: Kind,
    /// Where they begin in the stream of all bytes.
    start: u64,
    deadline: Instant,
    cost: usize,
}

#[derive(Debug)]
enum Kind {
    /// Requests of one caller and one grammar.
    Run { slot: Ticket, grammar: Grammar, opaque: Opaque, index: usize, left: usize },
    /// A `get` for the keys of several callers, or for many of one.
    Gathered(Command),
}

/// What a caller asks for.
#[derive(Debug)]
pub(crate) enum Ask<'a, R> {
    /// These requests, which all have the same grammar, as they are.
    Run(&'a [R]),
    /// The values of these keys, however they are best asked for.
    Values(&'a [WireKey<'a>]),
}

impl<R> Clone for Ask<'_, R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<R> Copy for Ask<'_, R> {}

impl<R> Ask<'_, R> {
    /// Returns how many requests it is.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Run(requests) => requests.len(),
            Self::Values(keys) => keys.len(),
        }
    }
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
    pub(super) fn new(limits: Limits, max_cost: usize) -> Self {
        Self {
            limits,
            spoken: Spoken::default(),
            max_cost,
            cost: 0,
            refused: false,
            out: BytesMut::with_capacity(OUT_CHUNK),
            gathering: Gathering::new(),
            lone: Lone::default(),
            gathered_cost: 0,
            gathered_deadline: None,
            appended: 0,
            written: 0,
            queue: VecDeque::new(),
            asked: Asked::default(),
            misses: Misses::default(),
            slots: Slots::default(),
            next_opaque: Opaque::FIRST,
            enqueued: 0,
            closed: None,
        }
    }

    /// Speaks so from now on.
    pub(super) fn speak(&mut self, spoken: Spoken) {
        self.spoken = spoken;
    }

    /// Takes in what a caller asks for; `None` where there is no room for so many bytes now.
    ///
    /// Values wait for the next [`Machine::take_output`], so that those of other callers may join them;
    /// a caller that is `alone` has nobody to wait for.
    ///
    /// # Errors
    /// When the connection is closed, or speaks no dialect in which it can be asked for: nothing was
    /// sent.
    pub(super) fn enqueue<R: Request>(
        &mut self,
        ask: Ask<'_, R>,
        bytes: usize,
        deadline: Instant,
        alone: bool,
    ) -> Result<Option<Ticket>> {
        if self.closed.is_some() {
            // Why it ended is no concern of a caller who had nothing on it, and may go elsewhere.
            return Err(Error::closed(Delivery::NotSent, None));
        }
        if let Ask::Run(requests) = ask {
            requests.iter().try_for_each(|request| self.spoken.check(request.needs()))?;
        }
        let count = ask.len();
        if count == 0 {
            // Nothing goes out, so nothing would ever give its cost or its deadline back.
            return Ok(Some(self.slots.take(0)));
        }
        let cost = bytes + count * REQUEST_COST;
        // What is larger than all the room there is goes alone.
        if self.cost > 0 && self.cost + cost > self.max_cost {
            self.refused = true;
            return Ok(None);
        }
        let slot = self.slots.take(count);
        self.cost += cost;
        self.enqueued += 1;
        match ask {
            Ask::Run(requests) => self.append(requests, slot, 0, cost, deadline),
            Ask::Values(&[key]) if alone => {
                self.append(&[Get { key, details: false }], slot, 0, cost, deadline);
            }
            Ask::Values(keys) => {
                for (index, &key) in keys.iter().enumerate() {
                    self.gathering.want(key, slot, index);
                }
                self.gathered_cost += cost;
                self.gathered_deadline.get_or_insert(deadline);
            }
        }
        Ok(Some(slot))
    }

    /// Takes the caller's interest away; its replies will be dropped as they come.
    pub(super) fn abandon(&mut self, ticket: Ticket) {
        self.slots.abandon(ticket);
    }

    /// Returns why a call has failed, if it has, and gives the ticket back then.
    pub(super) fn take_failure(&mut self, ticket: Ticket) -> Option<Error> {
        self.slots.take_failure(ticket)
    }

    /// Takes the caller's interest away, but for how many of its requests fail.
    pub(super) fn abandon_to(&mut self, ticket: Ticket, receipt: Receipt, wakers: &mut Vec<Waker>) {
        self.slots.abandon_to(ticket, receipt, wakers);
    }

    /// Takes in what the server sent; `wakers` gets the callers that have their answer now.
    ///
    /// # Errors
    /// When the bytes are out of step; the connection is to be closed then.
    pub(super) fn handle_bytes(
        &mut self,
        buffer: &mut BytesMut,
        wakers: &mut Vec<Waker>,
    ) -> Result<(), OutOfStep> {
        while !buffer.is_empty() {
            let place = self.queue.front_mut().filter(|place| place.start < self.written);
            let Some(place) = place else {
                return Err(OutOfStep::new("bytes that nobody asked for", buffer));
            };
            match &mut place.kind {
                Kind::Run { slot, grammar, opaque, index, left } => {
                    let Some(reply) = cut(buffer, *grammar, *opaque, self.limits)? else {
                        return Ok(());
                    };
                    let in_step = leaves_in_step(*grammar, &reply);
                    self.slots.answer(*slot, *index, reply, wakers);
                    *left -= 1;
                    *index += 1;
                    *opaque = opaque.plus(1);
                    let more = *left > 0;
                    if !in_step {
                        if !more {
                            self.queue.pop_front();
                        }
                        let complaint = "an error after which the stream is not in step";
                        return Err(OutOfStep(complaint.into()));
                    }
                    if more {
                        continue;
                    }
                }
                Kind::Gathered(command) => {
                    let before = command.left();
                    let ended = command.handle_bytes(
                        buffer,
                        self.limits,
                        &mut self.asked,
                        &mut self.slots,
                        wakers,
                    )?;
                    self.misses
                        .note(before - command.left(), if ended { command.left() } else { 0 });
                    if !ended {
                        return Ok(());
                    }
                }
            }
            let Some(place) = self.queue.pop_front() else { return Ok(()) };
            self.cost -= place.cost;
            if let Kind::Gathered(mut command) = place.kind {
                while let Some(missing) = command.take_missing(&mut self.asked) {
                    if self.spoken.is_meta() {
                        self.ask_singly(&missing, place.deadline);
                    } else {
                        self.slots.answer(missing.slot, missing.index, Reply::Item(None), wakers);
                    }
                }
            }
        }
        Ok(())
    }

    /// Counts bytes that were given to the socket.
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
            // Only whose own time is up is told so; the others may have time for another
            // connection.
            let blameless = match closed {
                Closed::Lost(_) => false,
                Closed::OutOfStep(_) => delivery == Delivery::NotSent,
                Closed::Stalled => Some(place.deadline) > stalled,
            };
            let error =
                || if blameless { Error::closed(delivery, None) } else { closed.error(delivery) };
            match place.kind {
                Kind::Run { slot, .. } => self.slots.fail(slot, error, wakers),
                Kind::Gathered(command) => {
                    for slot in command.give_up(&mut self.asked) {
                        self.slots.fail(slot, error, wakers);
                    }
                }
            }
        }
        for slot in self.gathering.give_up() {
            self.slots.fail(slot, || Error::closed(Delivery::NotSent, None), wakers);
        }
        self.out = BytesMut::new();
        // A caller who was about to write may still come for the output.
        self.gathered_cost = 0;
        self.gathered_deadline = None;
        self.refused = true;
        self.cost = 0;
        self.closed = Some(closed);
    }

    /// Returns the replies to a call once all are there, and gives the ticket back then.
    ///
    /// # Errors
    /// When the connection was closed first.
    pub(super) fn poll_replies(&mut self, ticket: Ticket, waker: &Waker) -> Poll<Result<Replies>> {
        self.slots.poll(ticket, waker)
    }

    /// Forgets whom to wake for a call: its caller is awake and looks for itself.
    pub(super) fn hush(&mut self, ticket: Ticket) {
        self.slots.hush(ticket);
    }

    /// Says whether there may be room for somebody who was told that there is none; once.
    pub(super) fn take_refused(&mut self) -> bool {
        self.refused && self.cost <= self.max_cost / 2 && std::mem::take(&mut self.refused)
    }

    /// Returns what is to be written next, what was gathered included.
    pub(super) fn take_output(&mut self) -> BytesMut {
        if !self.awaits_company()
            && let Some(deadline) = self.gathered_deadline.take()
        {
            let mut cost = std::mem::take(&mut self.gathered_cost);
            if self.spoken.is_meta() && self.misses.are_many() {
                self.cost -= cost;
                while let Some(single) = self.gathering.take_single() {
                    self.ask_singly(&single, deadline);
                }
            }
            let under_way = self.asked.len() + self.gathering.len();
            while let Some(command) = self.gathering.take(under_way, &mut self.asked) {
                // The first command answers for what all of them cost: they go and come together.
                self.push(command, deadline, std::mem::take(&mut cost));
            }
        }
        self.out.split()
    }

    /// Returns when the request at the head of the queue must be answered.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.queue.front().map(|place| place.deadline).or(self.gathered_deadline)
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.is_some()
    }

    pub(super) fn has_output(&self) -> bool {
        !self.out.is_empty() || self.gathering.len() > 0 && !self.awaits_company()
    }

    /// Says whether nothing is under way.
    pub(super) fn is_quiet(&self) -> bool {
        self.queue.is_empty() && self.gathering.len() == 0
    }

    /// Returns how many calls were ever enqueued.
    pub(super) fn enqueued(&self) -> u64 {
        self.enqueued
    }

    /// Says whether nothing at all is left of the calls that were made.
    #[cfg(test)]
    pub(super) fn is_settled(&self) -> bool {
        let unsent = self.has_output() || self.asked.len() > 0;
        self.is_quiet() && !unsent && self.cost == 0 && self.slots.are_vacant()
    }

    /// Says whether what was gathered waits for those whose values are arriving: they will want more
    /// as soon as they have them all, and it then goes with theirs.
    fn awaits_company(&self) -> bool {
        let head = self.queue.front().map(|place| &place.kind);
        matches!(head, Some(Kind::Gathered(command)) if command.has_begun())
            && self.gathering.has_room()
    }

    /// Asks for one value in the meta dialect.
    fn ask_singly(&mut self, single: &Single, deadline: Instant) {
        if !self.slots.is_wanted(single.slot) {
            // Nobody would read the answer; the slot counts it all the same.
            self.slots.answer(single.slot, single.index, Reply::Item(None), &mut Vec::new());
            return;
        }
        let cost = single.key.len() + REQUEST_COST;
        self.cost += cost;
        let request = GetAgain { key: &single.key };
        self.append(&[request], single.slot, single.index, cost, deadline);
    }

    /// Puts a command for items at the end of the queue.
    fn push(&mut self, command: Command, deadline: Instant, cost: usize) {
        let before = self.out.len();
        command.encode(&mut self.out);
        let start = self.appended;
        self.appended += (self.out.len() - before) as u64;
        self.queue.push_back(Place { kind: Kind::Gathered(command), start, deadline, cost });
    }

    fn append<R: Request>(
        &mut self,
        requests: &[R],
        slot: Ticket,
        index: usize,
        cost: usize,
        deadline: Instant,
    ) {
        let Some(grammar) = requests.first().map(|request| request.grammar(self.spoken)) else {
            self.cost -= cost;
            return;
        };
        if let Grammar::Items(form) = grammar {
            let keys = requests.iter().filter_map(Request::key);
            self.lone.want(keys, form, slot);
            let mut cost = cost;
            while let Some(command) = self.lone.take(&mut self.asked) {
                self.push(command, deadline, std::mem::take(&mut cost));
            }
            return;
        }
        let (opaque, before) = (self.next_opaque, self.out.len());
        for (place, request) in requests.iter().enumerate() {
            request.encode(self.spoken, opaque.plus(place), &mut self.out);
        }
        self.next_opaque = opaque.plus(requests.len());
        let start = self.appended;
        self.appended += (self.out.len() - before) as u64;
        let kind = Kind::Run { slot, grammar, opaque, index, left: requests.len() };
        self.queue.push_back(Place { kind, start, deadline, cost });
    }
}

/// How much of what was gathered lately was missing at the end of its command, in 65,536ths.
#[derive(Debug, Default)]
struct Misses(usize);

impl Misses {
    const WHOLE: usize = 1 << 16;

    /// Notes the fate of some keys.
    fn note(&mut self, found: usize, missing: usize) {
        let all = found + missing;
        if all == 0 {
            return;
        }
        let weight = all.min(64);
        let share = Self::WHOLE * missing / all;
        self.0 = (self.0 * (256 - weight) + share * weight) / 256;
    }

    /// Says whether it is cheaper to ask for each value by itself.
    ///
    /// While it is, nothing new is learnt; so the estimate fades, and gathering is tried again.
    fn are_many(&mut self) -> bool {
        let many = self.0 > Self::WHOLE / 4;
        if many {
            self.0 -= self.0 / 512;
        }
        many
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        proto::{Dialect, Reply, command},
        wire::{Charset, KeyRef},
    };

    fn machine() -> Machine {
        Machine::new(Limits { max_value: 1024 }, 1 << 20)
    }

    fn enqueue<R: Request>(machine: &mut Machine, requests: &[R]) -> Ticket {
        machine.enqueue(Ask::Run(requests), 0, Instant::now(), false).unwrap().unwrap()
    }

    /// Asks for values that others may join.
    fn want(machine: &mut Machine, keys: &[&str]) -> Ticket {
        let keys: Vec<WireKey<'_>> = keys.iter().map(|key| wire(key)).collect();
        let ask = Ask::<Get<'_>>::Values(&keys);
        machine.enqueue(ask, 0, Instant::now(), false).unwrap().unwrap()
    }

    /// Returns so many keys.
    fn numbered(name: &str, count: usize) -> Vec<String> {
        (0..count).map(|number| format!("{name}{number}")).collect()
    }

    fn strs(keys: &[String]) -> Vec<&str> {
        keys.iter().map(String::as_str).collect()
    }

    /// Returns what the server says when it has all of these keys.
    fn found(keys: &[String]) -> String {
        let items = keys.iter().map(|key| format!("VALUE {key} 0 0\r\n\r\n"));
        items.collect::<Vec<_>>().concat()
    }

    /// Has everything written, and returns it.
    fn write(machine: &mut Machine) -> BytesMut {
        let out = machine.take_output();
        machine.handle_written(out.len());
        out
    }

    fn wire(key: &str) -> WireKey<'_> {
        WireKey { prefix: b"", key: KeyRef::new(key.as_bytes(), Charset::Ascii).unwrap() }
    }

    fn get(key: &str) -> Get<'_> {
        Get { key: wire(key), details: false }
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
            Poll::Ready(Ok(Replies::One(Reply::Answer(reply)))) => {
                reply.data.map(|data| String::from_utf8_lossy(&data).into_owned())
            }
            other => panic!("no single reply: {other:?}"),
        }
    }

    #[test]
    fn each_caller_gets_its_own_answer() {
        let mut machine = machine();
        let first = enqueue(&mut machine, &[get("a")]);
        let second = enqueue(&mut machine, &[get("b")]);
        assert_eq!(write(&mut machine), "mg a v f O0\r\nmg b v f O1\r\n");
        assert!(poll(&mut machine, second).is_pending());
        assert_eq!(receive(&mut machine, "VA 1 O0\r\nA\r\nVA 1 O1\r\nB\r\n"), Ok(1));
        assert_eq!(data(poll(&mut machine, second)), Some("B".into()));
        assert_eq!(data(poll(&mut machine, first)), Some("A".into()));
        assert!(machine.is_quiet());
    }

    #[test]
    fn an_abandoned_answer_reaches_nobody_and_harms_nobody() {
        let mut machine = machine();
        let first = enqueue(&mut machine, &[get("a"), get("b")]);
        let second = enqueue(&mut machine, &[get("c")]);
        write(&mut machine);
        assert_eq!(receive(&mut machine, "VA 1 O0\r\nA\r\n"), Ok(0));
        machine.abandon(first);
        assert_eq!(receive(&mut machine, "VA 1 O1\r\nB\r\nVA 1 O2\r\nC\r\n"), Ok(0));
        assert_eq!(data(poll(&mut machine, second)), Some("C".into()));
        assert!(machine.is_settled(), "every slot is free again");
    }

    #[test]
    fn an_answer_that_came_before_its_caller_left_frees_the_slot() {
        let mut machine = machine();
        let ticket = enqueue(&mut machine, &[get("a")]);
        write(&mut machine);
        assert_eq!(receive(&mut machine, "EN O0\r\n"), Ok(0));
        machine.abandon(ticket);
        assert_eq!(enqueue(&mut machine, &[get("b")]), ticket);
    }

    #[test]
    fn a_run_is_answered_when_its_last_reply_is_there() {
        let mut machine = machine();
        let run = enqueue(&mut machine, &[get("a"), get("b")]);
        write(&mut machine);
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
        let ticket = enqueue(&mut machine, &[get("a")]);
        assert!(receive(&mut machine, "EN O0\r\n").is_err(), "nothing was sent yet");
        write(&mut machine);
        assert!(receive(&mut machine, "EN O0\r\nEN O1\r\n").is_err());
        assert!(poll(&mut machine, ticket).is_ready(), "what was right before is kept");
    }

    #[test]
    fn an_answer_with_anothers_opaque_is_never_handed_over() {
        let mut machine = machine();
        let first = enqueue(&mut machine, &[get("a")]);
        enqueue(&mut machine, &[get("b")]);
        write(&mut machine);
        assert!(receive(&mut machine, "VA 1 O1\r\nB\r\n").is_err());
        assert!(poll(&mut machine, first).is_pending());
    }

    #[test]
    fn a_stall_is_a_timeout_for_those_only_whose_own_time_is_up() {
        let mut machine = machine();
        let now = Instant::now();
        let late = now + std::time::Duration::from_millis(1);
        let head = enqueue(&mut machine, &[get("a")]);
        let behind = machine.enqueue(Ask::Run(&[get("b")]), 0, late, false).unwrap().unwrap();
        write(&mut machine);
        machine.close(CloseReason::Stalled, &mut Vec::new());
        assert!(matches!(poll(&mut machine, head), Poll::Ready(Err(error)) if error.is_timeout()));
        assert!(matches!(poll(&mut machine, behind), Poll::Ready(Err(error)) if error.is_closed()));
        let after = machine.enqueue(Ask::Run(&[get("c")]), 0, now, false);
        assert!(after.is_err_and(|error| error.is_closed() && error.is_retryable()));
    }

    #[test]
    fn what_was_not_sent_when_the_server_lied_may_go_elsewhere() {
        let mut machine = machine();
        let sent = enqueue(&mut machine, &[get("a")]);
        write(&mut machine);
        let unsent = enqueue(&mut machine, &[get("b")]);
        machine.close(CloseReason::OutOfStep(OutOfStep("x".into())), &mut Vec::new());
        assert!(matches!(poll(&mut machine, sent), Poll::Ready(Err(error)) if error.is_protocol()));
        assert!(
            matches!(poll(&mut machine, unsent), Poll::Ready(Err(error)) if error.is_closed() && error.is_retryable())
        );
    }

    #[test]
    fn closing_tells_each_caller_whether_its_request_was_sent() {
        let mut machine = machine();
        let sent = enqueue(&mut machine, &[get("a")]);
        write(&mut machine);
        let unsent = enqueue(&mut machine, &[get("b")]);
        machine.close(CloseReason::Lost(None), &mut Vec::new());
        let delivery = |outcome| match outcome {
            Poll::Ready(Err(error)) => Error::delivery(&error),
            other => panic!("{other:?}"),
        };
        assert_eq!(delivery(poll(&mut machine, sent)), Delivery::Unknown);
        assert_eq!(delivery(poll(&mut machine, unsent)), Delivery::NotSent);
        let after = machine.enqueue(Ask::Run(&[command::Version]), 0, Instant::now(), false);
        assert!(after.is_err_and(|error| error.is_retryable()));
    }

    #[track_caller]
    fn items(outcome: Poll<Result<Replies>>) -> Vec<Option<String>> {
        let text = |reply| match reply {
            Reply::Item(item) => item.map(|(_, data)| String::from_utf8_lossy(&data).into_owned()),
            Reply::Answer(reply) => {
                reply.data.map(|data| String::from_utf8_lossy(&data).into_owned())
            }
            other => panic!("no item: {other:?}"),
        };
        match outcome {
            Poll::Ready(Ok(Replies::One(reply))) => vec![text(reply)],
            Poll::Ready(Ok(Replies::Many(replies))) => replies.into_iter().map(text).collect(),
            other => panic!("no replies: {other:?}"),
        }
    }

    #[test]
    fn values_that_several_callers_want_are_asked_for_together() {
        let mut machine = machine();
        let [a, b, c] = ["a", "b", "c"].map(|key| want(&mut machine, &[key]));
        assert_eq!(write(&mut machine), "get a b c\r\n");
        assert_eq!(receive(&mut machine, "VALUE b 0 1\r\nB\r\n"), Ok(0));
        assert!(poll(&mut machine, a).is_pending(), "it may yet turn up behind");
        assert_eq!(items(poll(&mut machine, b)), [Some("B".into())]);
        assert_eq!(receive(&mut machine, "END\r\n"), Ok(1));
        assert_eq!(items(poll(&mut machine, a)), [None], "it was passed over");
        assert!(poll(&mut machine, c).is_pending(), "an END alone is no proof of a miss");
        assert_eq!(write(&mut machine), "mg c v f O0\r\n");
        assert_eq!(receive(&mut machine, "EN O0\r\n"), Ok(1));
        assert_eq!(items(poll(&mut machine, c)), [None]);
        assert!(machine.is_quiet());
    }

    #[test]
    fn one_caller_may_want_many_values_and_one_of_them_twice() {
        let mut machine = machine();
        let many = want(&mut machine, &["a", "b", "a", "z"]);
        let one = want(&mut machine, &["b"]);
        assert_eq!(write(&mut machine), "get a b z\r\n");
        assert_eq!(receive(&mut machine, "VALUE a 0 1\r\nA\r\nEND\r\n"), Ok(0));
        assert_eq!(write(&mut machine), "mg b v f O0\r\nmg b v f O1\r\nmg z v f O2\r\n");
        let again = "VA 1 f0 O0\r\nB\r\nVA 1 f0 O1\r\nB\r\nEN O2\r\n";
        assert_eq!(receive(&mut machine, again), Ok(0));
        assert_eq!(
            items(poll(&mut machine, many)),
            [Some("A".into()), Some("B".into()), Some("A".into()), None]
        );
        assert_eq!(items(poll(&mut machine, one)), [Some("B".into())]);
    }

    #[test]
    fn many_values_go_in_several_commands_and_what_one_caller_wants_in_one() {
        let mut machine = machine();
        let keys = numbered("k", 32);
        for key in &keys {
            want(&mut machine, &[key]);
        }
        let commands: Vec<String> =
            keys.chunks(8).map(|keys| format!("get {}\r\n", keys.join(" "))).collect();
        assert_eq!(write(&mut machine), commands.concat());
        let found = keys.chunks(8).map(|keys| found(keys) + "END\r\n");
        receive(&mut machine, &found.collect::<String>()).unwrap();
        assert!(machine.is_quiet());
        want(&mut machine, &strs(&keys[..20]));
        want(&mut machine, &strs(&keys[20..25]));
        let [many, few] = [&keys[..20], &keys[20..25]].map(|keys| keys.join(" "));
        assert_eq!(write(&mut machine), format!("get {many}\r\nget {few}\r\n"));
    }

    #[test]
    fn a_key_that_many_want_is_asked_for_once() {
        let mut machine = machine();
        let tickets = ["a", "b", "a", "b", "c", "a"].map(|key| want(&mut machine, &[key]));
        assert_eq!(write(&mut machine), "get a b c\r\n");
        machine.abandon(tickets[2]);
        let found = "VALUE a 0 1\r\nA\r\nVALUE c 0 1\r\nC\r\n";
        assert_eq!(receive(&mut machine, found), Ok(0));
        assert_eq!(items(poll(&mut machine, tickets[0])), [Some("A".into())]);
        assert_eq!(items(poll(&mut machine, tickets[5])), [Some("A".into())]);
        assert_eq!(items(poll(&mut machine, tickets[4])), [Some("C".into())]);
        assert!(poll(&mut machine, tickets[1]).is_pending());
        receive(&mut machine, "END\r\n").unwrap();
        assert_eq!(items(poll(&mut machine, tickets[1])), [None]);
        assert_eq!(items(poll(&mut machine, tickets[3])), [None]);
        assert!(machine.is_settled());
        let late = want(&mut machine, &["a"]);
        assert_eq!(write(&mut machine), "get a\r\n", "what is on its way is nobody else's answer");
        machine.abandon(late);
    }

    #[test]
    fn those_who_share_a_key_are_told_of_a_close() {
        let mut machine = machine();
        let tickets = ["a", "b", "a", "b"].map(|key| want(&mut machine, &[key]));
        write(&mut machine);
        receive(&mut machine, "VALUE b 0 1\r\nB\r\n").unwrap();
        machine.close(CloseReason::Lost(None), &mut Vec::new());
        let failed =
            tickets.map(|ticket| matches!(poll(&mut machine, ticket), Poll::Ready(Err(_))));
        assert_eq!(failed, [true, false, true, false]);
        assert!(machine.slots.are_vacant());
    }

    #[test]
    fn a_value_that_comes_after_those_behind_it_is_no_miss() {
        let mut machine = machine();
        let [a, b] = ["a", "b"].map(|key| want(&mut machine, &[key]));
        write(&mut machine);
        let mixed = "VALUE b 0 1\r\nB\r\nVALUE a 0 1\r\nA\r\nEND\r\n";
        let complaint = receive(&mut machine, mixed).unwrap_err();
        machine.close(CloseReason::OutOfStep(complaint), &mut Vec::new());
        assert_eq!(items(poll(&mut machine, b)), [Some("B".into())]);
        assert!(matches!(poll(&mut machine, a), Poll::Ready(Err(_))));
    }

    #[test]
    fn a_refusal_is_no_miss_of_what_was_passed_over() {
        let mut machine = machine();
        let [a, b, c] = ["a", "b", "c"].map(|key| want(&mut machine, &[key]));
        write(&mut machine);
        let refused = "VALUE b 0 1\r\nB\r\nSERVER_ERROR out of memory\r\n";
        assert_eq!(receive(&mut machine, refused), Ok(0));
        assert_eq!(items(poll(&mut machine, b)), [Some("B".into())]);
        for ticket in [a, c] {
            let refused = poll(&mut machine, ticket);
            assert!(matches!(refused, Poll::Ready(Ok(Replies::One(Reply::Refused(_))))));
        }
        assert!(machine.is_quiet());
    }

    #[test]
    fn those_who_want_many_values_fill_commands_together() {
        let mut machine = machine();
        let keys = ["a", "b", "c"].map(|letter| numbered(letter, 200));
        let [first, ..] = [0, 1, 2].map(|caller| want(&mut machine, &strs(&keys[caller])));
        assert_eq!(memchr::memchr_iter(b'\n', &write(&mut machine)).count(), 1);
        receive(&mut machine, &found(&keys[0])).unwrap();
        assert_eq!(items(poll(&mut machine, first)).len(), 200);
        let again = want(&mut machine, &strs(&keys[0]));
        assert!(!machine.has_output(), "the others are about to want more");
        receive(&mut machine, &(found(&keys[1]) + &found(&keys[2]) + "END\r\n")).unwrap();
        want(&mut machine, &strs(&keys[1]));
        assert_eq!(memchr::memchr_iter(b'\n', &write(&mut machine)).count(), 1);
        receive(&mut machine, &found(&keys[0])).unwrap();
        assert_eq!(items(poll(&mut machine, again)).len(), 200);
        for caller in 0..20 {
            want(&mut machine, &strs(&numbered(&format!("{caller}:"), 200)));
        }
        assert!(machine.has_output(), "a whole command waits for nobody");
    }

    #[test]
    fn where_much_is_missing_values_are_asked_for_one_by_one() {
        let mut machine = machine();
        for _ in 0..10 {
            want(&mut machine, &strs(&numbered("k", 64)));
            let out = write(&mut machine);
            if out.starts_with(b"mg") {
                return;
            }
            receive(&mut machine, "END\r\n").unwrap();
            write(&mut machine);
            let first = machine.next_opaque.plus(Opaque::MODULUS - 64);
            let mut again = BytesMut::new();
            for place in 0..64 {
                again.extend_from_slice(b"EN O");
                again.extend_from_slice(first.plus(place).get().to_string().as_bytes());
                again.extend_from_slice(b"\r\n");
            }
            machine.handle_bytes(&mut again, &mut Vec::new()).unwrap();
        }
        panic!("misses are never learnt from");
    }

    #[test]
    fn an_end_that_nobody_asked_for_is_no_miss() {
        let mut machine = machine();
        let tickets = ["a", "b"].map(|key| want(&mut machine, &[key]));
        write(&mut machine);
        assert!(receive(&mut machine, "END\r\nVALUE a 0 1\r\nA\r\n").is_err());
        assert!(tickets.into_iter().all(|ticket| poll(&mut machine, ticket).is_pending()));
    }

    #[test]
    fn a_caller_who_left_a_gathered_command_changes_nothing_for_the_others() {
        let mut machine = machine();
        let [a, b, c] = ["a", "b", "c"].map(|key| want(&mut machine, &[key]));
        write(&mut machine);
        machine.abandon(a);
        machine.abandon(c);
        receive(&mut machine, "VALUE a 0 1\r\nA\r\nVALUE b 0 1\r\nB\r\nEND\r\n").unwrap();
        assert_eq!(items(poll(&mut machine, b)), [Some("B".into())]);
        assert!(machine.is_quiet(), "what nobody waits for is not asked for again");
    }

    #[test]
    fn gathered_callers_are_told_of_a_close_before_and_after_the_flush() {
        let mut machine = machine();
        let sent = want(&mut machine, &["a", "b"]);
        write(&mut machine);
        let unsent = want(&mut machine, &["c"]);
        machine.close(CloseReason::Lost(None), &mut Vec::new());
        assert!(
            matches!(poll(&mut machine, sent), Poll::Ready(Err(e)) if e.delivery() == Delivery::Unknown)
        );
        assert!(matches!(poll(&mut machine, unsent), Poll::Ready(Err(e)) if e.is_retryable()));
    }

    #[test]
    fn a_caller_alone_asks_in_the_meta_dialect_at_once() {
        let mut machine = machine();
        let keys = [wire("a")];
        let ask = Ask::<Get<'_>>::Values(&keys);
        machine.enqueue(ask, 0, Instant::now(), true).unwrap().unwrap();
        assert_eq!(write(&mut machine), "mg a v f O0\r\n");
    }

    #[test]
    fn asking_for_nothing_leaves_nothing_behind() {
        let mut machine = machine();
        let nothing = Ask::<Get<'_>>::Values(&[]);
        let ticket = machine.enqueue(nothing, 100, Instant::now(), false).unwrap().unwrap();
        assert_eq!(machine.deadline(), None, "nothing is awaited");
        assert_eq!(machine.cost, 0, "nothing is under way");
        assert!(
            matches!(poll(&mut machine, ticket), Poll::Ready(Ok(Replies::Many(replies))) if replies.is_empty())
        );
    }

    #[test]
    fn a_closed_machine_has_nothing_to_write() {
        let mut machine = machine();
        for _ in 0..100 {
            machine.misses.note(0, 64);
        }
        want(&mut machine, &["a", "b"]);
        machine.close(CloseReason::Lost(None), &mut Vec::new());
        assert_eq!(write(&mut machine), "");
        assert_eq!(machine.deadline(), None);
    }

    #[test]
    fn what_is_under_way_is_bounded() {
        let mut machine = Machine::new(Limits { max_value: 1024 }, 1000);
        let ask = Ask::Run(&[command::Version]);
        let big = machine.enqueue(ask, 5000, Instant::now(), false).unwrap();
        assert!(big.is_some(), "what is larger than all the room goes alone");
        assert!(machine.enqueue(ask, 0, Instant::now(), false).unwrap().is_none());
        assert!(!machine.take_refused(), "there is no room yet");
        write(&mut machine);
        receive(&mut machine, "VERSION 1\r\n").unwrap();
        assert!(machine.take_refused());
        assert!(machine.enqueue(ask, 0, Instant::now(), false).unwrap().is_some());
    }

    fn classic() -> Machine {
        let mut machine = machine();
        machine.speak(Spoken::choose(Dialect::Classic, "1.5.6").unwrap());
        machine
    }

    #[test]
    fn in_the_classic_dialect_an_end_is_a_miss() {
        let mut machine = classic();
        let [a, b] = ["a", "b"].map(|key| want(&mut machine, &[key]));
        assert_eq!(write(&mut machine), "get a b\r\n");
        assert_eq!(receive(&mut machine, "VALUE a 0 1\r\nA\r\nEND\r\n"), Ok(0));
        assert_eq!(items(poll(&mut machine, a)), [Some("A".into())]);
        assert_eq!(items(poll(&mut machine, b)), [None]);
        assert!(machine.is_quiet() && !machine.has_output());
    }

    #[test]
    fn a_run_of_classic_reads_is_one_command_and_its_items_carry_their_versions() {
        let mut machine = classic();
        let run = ["a", "b", "a"].map(|key| Get { key: wire(key), details: true });
        let run = enqueue(&mut machine, &run);
        let one = enqueue(&mut machine, &[get("c")]);
        assert_eq!(write(&mut machine), "gets a b a\r\nget c\r\n");
        assert_eq!(
            receive(&mut machine, "VALUE a 0 1 7\r\nA\r\nVALUE a 0 1 7\r\nA\r\nEND\r\n"),
            Ok(0)
        );
        assert_eq!(receive(&mut machine, "END\r\n"), Ok(0));
        assert_eq!(items(poll(&mut machine, run)), [Some("A".into()), None, Some("A".into())]);
        assert_eq!(items(poll(&mut machine, one)), [None]);
        assert_eq!(machine.cost, 0);
    }

    #[test]
    fn a_classic_item_under_another_key_is_never_handed_over() {
        let mut machine = classic();
        let ticket = enqueue(&mut machine, &[get("a")]);
        write(&mut machine);
        assert!(receive(&mut machine, "VALUE b 0 1\r\nB\r\nEND\r\n").is_err());
        assert!(poll(&mut machine, ticket).is_pending());
    }

    #[test]
    fn what_the_dialect_cannot_say_is_refused_and_leaves_nothing_behind() {
        let mut machine = classic();
        let request = command::Info { key: wire("a") };
        let refused = machine.enqueue(Ask::Run(&[request]), 0, Instant::now(), false);
        assert!(refused.is_err_and(|error| error.is_unsupported()));
        assert!(machine.is_quiet() && machine.cost == 0 && !machine.has_output());
    }

    #[test]
    fn long_commands_to_touch_are_cut_where_the_server_minds() {
        let mut machine = classic();
        let keys: Vec<String> = (0..20).map(|number| format!("{number:0200}")).collect();
        let gats: Vec<_> =
            keys.iter().map(|key| command::Gat { key: wire(key), ttl: 5, cas: false }).collect();
        enqueue(&mut machine, &gats);
        let out = write(&mut machine);
        let lines: Vec<&[u8]> =
            out[..].split(|&byte| byte == b'\n').filter(|line| !line.is_empty()).collect();
        assert!(
            lines.len() > 1
                && lines.iter().all(|line| line.len() < 2040 && line.starts_with(b"gat 5 "))
        );
        assert_eq!(machine.queue.len(), lines.len());
        machine.close(CloseReason::Lost(None), &mut Vec::new());
    }

    #[test]
    fn a_refusal_that_ends_the_stream_is_still_its_callers() {
        let mut machine = machine();
        let store = command::Store {
            key: wire("a"),
            data: b"A",
            flags: 0,
            ttl: 0,
            mode: command::StoreMode::Set,
            cas: None,
        };
        let ticket = enqueue(&mut machine, &[store]);
        write(&mut machine);
        assert!(receive(&mut machine, "CLIENT_ERROR bad data chunk\r\nERROR\r\n").is_err());
        assert!(matches!(
            poll(&mut machine, ticket),
            Poll::Ready(Ok(Replies::One(Reply::Refused(_))))
        ));
    }
}
