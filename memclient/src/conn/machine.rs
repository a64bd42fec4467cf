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
//! methods: commands of callers (`enqueue`, `abandon`), what arrives (`handle_bytes`, `close`), what
//! should happen next (`poll_replies`, `take_output`, `deadline`), and getters.

use std::{
    collections::VecDeque,
    io,
    sync::Arc,
    task::{Poll, Waker},
    time::Instant,
};

use bytes::BytesMut;

use super::{
    depth::Depth,
    gather::{Asked, Command, Gathering, Lone, Single},
    replies::Replies,
    slots::{Slots, Ticket},
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
    /// The latest deadline of what is under way.
    latest_deadline: Option<Instant>,
    /// How many bytes were ever appended to `out`, and how many of them were given to the socket.
    appended: u64,
    written: u64,
    /// In the order in which the server answers.
    queue: VecDeque<Place>,
    asked: Asked,
    depth: Depth,
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

impl Place {
    /// Says whether any of it is among so many bytes, which were given to the socket.
    fn is_sent(&self, written: u64) -> bool {
        self.start < written
    }
}

#[derive(Debug)]
enum Kind {
    /// Requests of one caller and one grammar.
    Run {
        slot: Ticket,
        grammar: Grammar,
        opaque: Opaque,
        index: usize,
        left: usize,
        /// How much of the next reply was looked through in vain.
        seen: usize,
    },
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
            out: BytesMut::new(),
            gathering: Gathering::new(),
            lone: Lone::default(),
            gathered_cost: 0,
            gathered_deadline: None,
            latest_deadline: None,
            appended: 0,
            written: 0,
            queue: VecDeque::new(),
            asked: Asked::default(),
            depth: Depth::new(),
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
        self.slots.bind(spoken.incarnation());
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
        self.latest_deadline = self.latest_deadline().max(Some(deadline));
        match ask {
            Ask::Run(requests) => self.append(requests, slot, 0, cost, deadline),
            Ask::Values(&[key]) if alone => {
                self.append(&[Get { key, details: false, usage: false }], slot, 0, cost, deadline);
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
            let place = self.queue.front_mut().filter(|place| place.is_sent(self.written));
            let Some(place) = place else {
                return Err(OutOfStep::new("bytes that nobody asked for", buffer));
            };
            match &mut place.kind {
                Kind::Run { slot, grammar, opaque, index, left, seen } => {
                    let Some(reply) = cut(buffer, *grammar, *opaque, self.limits, seen)? else {
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
                if place.is_sent(self.written) { Delivery::Unknown } else { Delivery::NotSent };
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
    #[inline]
    pub(super) fn poll_replies(&mut self, ticket: Ticket, waker: &Waker) -> Poll<Result<Replies>> {
        self.slots.poll(ticket, waker)
    }

    /// Remembers whom to wake when a call has its replies; false where nobody has to wait for them.
    pub(super) fn heed(&mut self, ticket: Ticket, waker: &Waker) -> bool {
        self.slots.heed(ticket, waker)
    }

    /// Forgets whom to wake for a call: its caller is awake and looks for itself.
    pub(super) fn hush(&mut self, ticket: Ticket) {
        self.slots.hush(ticket);
    }

    /// Says whether the server's next reply is one to this call.
    pub(super) fn is_next(&self, ticket: Ticket) -> bool {
        match self.queue.front().map(|place| &place.kind) {
            Some(Kind::Run { slot, .. }) => *slot == ticket,
            Some(Kind::Gathered(_)) => self.asked.is_next(ticket),
            None => false,
        }
    }

    /// Wakes everybody who waits, for a look at how things stand.
    pub(super) fn wake_all(&mut self, wakers: &mut Vec<Waker>) {
        self.slots.wake_all(wakers);
    }

    /// Says whether there may be room for somebody who was told that there is none; once.
    pub(super) fn take_refused(&mut self) -> bool {
        self.refused && self.cost <= self.max_cost / 2 && std::mem::take(&mut self.refused)
    }

    /// Returns what is to be written next, what was gathered included. It counts as given to the socket
    /// from now on; what is appended later goes into the `empty` buffer.
    pub(super) fn take_output(&mut self, empty: BytesMut) -> BytesMut {
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
            self.depth.note(!self.awaits_reply());
            let share = self.depth.share(self.asked.len() + self.gathering.len());
            while let Some(command) = self.gathering.take(share, &mut self.asked) {
                // The first command answers for what all of them cost: they go and come together.
                self.push(command, deadline, std::mem::take(&mut cost));
            }
        }
        self.written = self.appended;
        std::mem::replace(&mut self.out, empty)
    }

    /// Returns when the request at the head of the queue must be answered.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.queue.front().map(|place| place.deadline).or(self.gathered_deadline)
    }

    /// Says whether a call with this deadline would stand behind one that may take longer. The end of
    /// its time would not be noticed at the head of the queue.
    pub(super) fn has_later_than(&self, deadline: Instant) -> bool {
        self.latest_deadline().is_some_and(|latest| latest > deadline)
    }

    fn latest_deadline(&self) -> Option<Instant> {
        self.latest_deadline.filter(|_| !self.is_quiet())
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.is_some()
    }

    pub(super) fn has_output(&self) -> bool {
        !self.out.is_empty() || self.gathering.len() > 0 && !self.awaits_company()
    }

    /// Says whether the next answer is one to callers who want many values each.
    pub(super) fn awaits_batch(&self) -> bool {
        self.next_command().is_some_and(Command::is_of_batches)
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

    /// Says whether the server has anything to answer.
    fn awaits_reply(&self) -> bool {
        self.queue.front().is_some_and(|place| place.is_sent(self.written))
    }

    /// Says whether what was gathered waits for those whose values are arriving: they will want more
    /// as soon as they have them all, and it then goes with theirs.
    fn awaits_company(&self) -> bool {
        self.next_command().is_some_and(Command::has_begun) && self.gathering.has_room()
    }

    /// Returns the command for items that is answered next, where it is one.
    fn next_command(&self) -> Option<&Command> {
        match &self.queue.front()?.kind {
            Kind::Gathered(command) => Some(command),
            Kind::Run { .. } => None,
        }
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
        let kind = Kind::Run { slot, grammar, opaque, index, left: requests.len(), seen: 0 };
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

impl CloseReason {
    /// Returns how many bytes were read, where the stream goes on; zero bytes are its end.
    ///
    /// # Errors
    /// Why the connection ends, where it does.
    pub(super) fn unless_read(read: io::Result<usize>) -> Result<usize, Self> {
        match read {
            Ok(0) => Err(Self::Lost(None)),
            Ok(bytes) => Ok(bytes),
            Err(error) => Err(Self::Lost(Some(error))),
        }
    }
}

impl Closed {
    fn error(&self, delivery: Delivery) -> Error {
        match self {
            Self::Lost(source) => {
                // The error itself, which all who wait share: what it is may matter above.
                let source =
                    source.as_ref().map(|error| io::Error::new(error.kind(), Arc::clone(error)));
                Error::closed(delivery, source)
            }
            Self::OutOfStep(text) => Error::protocol(text.clone()).delivered(delivery),
            Self::Stalled => Error::timeout(Step::Reply, delivery),
        }
    }
}

#[cfg(test)]
mod tests;
