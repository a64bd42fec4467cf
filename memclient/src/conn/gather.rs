//! Gets of many callers as few commands.
//!
//! memcached answers a classic `get` of many keys faster than anything else, but each of its
//! commands with a write of its own; so what concurrent callers ask for is gathered into a few
//! commands per flush: several, so that the answers to the first are read while the server looks for
//! the next; how many, `depth` learns.
//!
//! A found item carries its key, and so proves itself and that the keys before it were passed over.
//! Those are misses, and their callers hear so at `END`: had the server mixed its answers up, one of
//! them would turn up behind, and a miss once told cannot be taken back. `END` itself proves nothing:
//! what is missing at the end of a command is asked for again, one by one, in the meta dialect, whose
//! replies name their requests. Where much is missing that would be slow, and everything is asked for
//! that way at once.
//!
//! Who wants a key that another wants as well shares its answer.
//!
//! Callers who want many values each fill whole commands together: what the server spends on a
//! command, and on a write for it, it then spends once for all of them.

use std::{collections::VecDeque, task::Waker};

use bytes::{Buf, Bytes, BytesMut};

use super::{
    doubles::Doubles,
    slots::{Slots, Ticket},
};
use crate::{
    proto::{
        Answer, Limits, OutOfStep, Reply, Status, WireKey,
        classic::{Accepted, Form, Found, cut_found},
    },
    wire::CasToken,
};

/// The fewest keys that are worth a command beside others, and the most of one.
const FEWEST: usize = 2;
const MOST: usize = 128;

/// From so many keys on, a caller wants many.
pub(super) const MANY: usize = 32;

/// How many bytes of keys a command of those who want many has at most, so that it is within the
/// 16 KiB that the server reads at a time. What one caller wants is cut only where the command would
/// else be less than half full.
const FULLEST: usize = 16 * 1024 - 64;

/// From so many bytes of keys on, a command of those who want many does not wait for more of them.
const FULL: usize = 14 * 1024;

/// How much is set aside at once for keys.
const KEYS_CHUNK: usize = 16 * 1024;

/// What was asked for since the last flush.
#[derive(Debug)]
pub(super) struct Gathering {
    /// Each key with a space before it, as it will stand in the command.
    keys: BytesMut,
    wanted: VecDeque<Wanted>,
    doubles: Doubles,
}

/// What one caller asks for in commands of its own: the reads of the classic dialect that are more
/// than a `get`, or that nobody can join.
#[derive(Debug, Default)]
pub(super) struct Lone {
    form: Option<Form>,
    keys: BytesMut,
    wanted: VecDeque<Wanted>,
}

/// Who wants the keys of the commands under way, in the order of the commands and their keys.
#[derive(Debug, Default)]
pub(super) struct Asked(VecDeque<Wanted>);

/// One key, and who wants it.
#[derive(Clone, Copy, Debug)]
struct Wanted {
    slot: Ticket,
    /// Which of its caller's keys it is.
    index: u32,
    /// The bytes of the key and of the space before it; zero where it is the key of the one before.
    len: u16,
}

/// A gathered command, as far as it is not answered.
#[derive(Debug)]
pub(super) struct Command {
    form: Form,
    /// The keys that are left, each with a space before it.
    keys: Bytes,
    left: usize,
    /// Who wants the keys that were passed over.
    passed: Vec<Wanted>,
    of_batches: bool,
    begun: bool,
    /// The last of those that were missing at the end.
    missing: Bytes,
}

/// A key that is to be asked for by itself.
#[derive(Debug)]
pub(super) struct Single {
    pub(super) slot: Ticket,
    pub(super) index: usize,
    pub(super) key: Bytes,
}

impl Gathering {
    pub(super) fn new() -> Self {
        let keys = BytesMut::with_capacity(KEYS_CHUNK);
        Self { keys, wanted: VecDeque::new(), doubles: Doubles::default() }
    }

    /// Notes that a caller wants the key.
    pub(super) fn want(&mut self, key: WireKey<'_>, slot: Ticket, index: usize) {
        self.wanted.push_back(Wanted::new(key, slot, index, &mut self.keys));
    }

    pub(super) fn len(&self) -> usize {
        self.wanted.len()
    }

    /// Takes the next command; `asked` gets who wants its keys, behind those of the commands before.
    ///
    /// It has about its `share` of the keys, or as many as a command holds where its first caller wants
    /// many; what one caller wants stays together.
    pub(super) fn take(&mut self, share: usize, asked: &mut Asked) -> Option<Command> {
        let of_batches = self.wants_many();
        let (left, bytes) = if of_batches { self.most() } else { self.some(share) };
        if left == 0 {
            return None;
        }
        let keys = self.keys.split_to(bytes);
        let lengths = self.wanted.range(..left).map(|wanted| usize::from(wanted.len));
        let doubled = self.doubles.find(&keys, lengths);
        let keys = if let Some(firsts) = doubled {
            asked.share(&keys, self.wanted.drain(..left), firsts)
        } else {
            if left == self.wanted.len() {
                // Several times faster than one by one.
                asked.0.append(&mut self.wanted);
            } else {
                asked.0.extend(self.wanted.drain(..left));
            }
            keys.freeze()
        };
        Some(Command::new(Form::Get, keys, left, of_batches))
    }

    /// Returns how many keys are about a share of them, and their bytes.
    fn some(&self, share: usize) -> (usize, usize) {
        let share = share.clamp(FEWEST, MOST);
        let (mut left, mut bytes, mut last) = (0, 0, None);
        for wanted in &self.wanted {
            // A rest that is too small for a command of its own goes with this one.
            let is_worth_one = self.len() - left >= FEWEST;
            if left >= MOST || left >= share && is_worth_one && last != Some(wanted.slot) {
                break;
            }
            left += 1;
            bytes += usize::from(wanted.len);
            last = Some(wanted.slot);
        }
        (left, bytes)
    }

    /// Returns how many keys a command holds, and their bytes.
    fn most(&self) -> (usize, usize) {
        let (mut left, mut bytes) = (0, 0);
        for wanted in &self.wanted {
            let more = bytes + usize::from(wanted.len);
            if more > FULLEST {
                break;
            }
            (left, bytes) = (left + 1, more);
        }
        // Those of the caller whose other keys do not fit.
        let cut = self.wanted.get(left).map(|next| next.slot);
        let of_cut = self.wanted.range(..left).rev().take_while(|last| Some(last.slot) == cut);
        let (few, length) =
            of_cut.fold((0, 0), |(few, length), last| (few + 1, length + usize::from(last.len)));
        if bytes - length < FULLEST / 2 { (left, bytes) } else { (left - few, bytes - length) }
    }

    /// Says whether there is less than a command of one who wants many, so that it may gain from
    /// waiting for others.
    pub(super) fn has_room(&self) -> bool {
        self.wants_many() && self.keys.len() < FULL
    }

    /// Says whether the first caller wants many values.
    fn wants_many(&self) -> bool {
        let slot = |place: usize| self.wanted.get(place).map(|wanted| wanted.slot);
        slot(MANY - 1).is_some_and(|last| slot(0) == Some(last))
    }

    /// Takes the next key by itself.
    pub(super) fn take_single(&mut self) -> Option<Single> {
        let wanted = self.wanted.pop_front()?;
        Some(wanted.single(self.keys.split_to(usize::from(wanted.len)).freeze()))
    }

    /// Takes who still waits for the next flush.
    pub(super) fn give_up(&mut self) -> impl Iterator<Item = Ticket> {
        self.keys.clear();
        self.wanted.drain(..).map(|wanted| wanted.slot)
    }
}

impl Lone {
    /// Notes what a caller wants.
    pub(super) fn want<'a>(
        &mut self,
        keys: impl Iterator<Item = WireKey<'a>>,
        form: Form,
        slot: Ticket,
    ) {
        self.form = Some(form);
        for (index, key) in keys.enumerate() {
            self.wanted.push_back(Wanted::new(key, slot, index, &mut self.keys));
        }
    }

    /// Takes the next command, as long as the server allows it to be.
    pub(super) fn take(&mut self, asked: &mut Asked) -> Option<Command> {
        let form = self.form?;
        let (mut left, mut bytes) = (0, 0);
        while let Some(wanted) = self.wanted.front() {
            let more = bytes + usize::from(wanted.len);
            if left > 0 && more > form.max_bytes() {
                break;
            }
            (left, bytes) = (left + 1, more);
            asked.0.push_back(*wanted);
            self.wanted.pop_front();
        }
        let keys = self.keys.split_to(bytes).freeze();
        (left > 0).then_some(Command::new(form, keys, left, left >= MANY))
    }
}

impl Asked {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Says whether the call wants the first of the keys.
    pub(super) fn is_next(&self, slot: Ticket) -> bool {
        let sharers = self.0.iter().skip(1).take_while(|wanted| wanted.len == 0);
        self.0.iter().take(1).chain(sharers).any(|wanted| wanted.slot == slot)
    }

    /// Notes who wants the keys, of which some are the same as their `firsts`: who shares a key
    /// stands behind its first. Returns the keys, each once.
    fn share(
        &mut self,
        mut keys: &[u8],
        wanted: impl Iterator<Item = Wanted>,
        firsts: &[usize],
    ) -> Bytes {
        let mut once = BytesMut::with_capacity(keys.len());
        let mut order = Vec::with_capacity(firsts.len());
        for (place, (mut wanted, &first)) in wanted.zip(firsts).enumerate() {
            let Some((key, rest)) = keys.split_at_checked(usize::from(wanted.len)) else { break };
            keys = rest;
            if first == place {
                once.extend_from_slice(key);
            } else {
                wanted.len = 0;
            }
            order.push((first, wanted));
        }
        order.sort_by_key(|&(first, _)| first);
        self.0.extend(order.into_iter().map(|(_, wanted)| wanted));
        once.freeze()
    }
}

impl Command {
    fn new(form: Form, keys: Bytes, left: usize, of_batches: bool) -> Self {
        let (passed, missing) = (Vec::new(), Bytes::new());
        Self { form, keys, left, passed, of_batches, begun: false, missing }
    }

    /// Says whether it is for callers who want many values each.
    pub(super) fn is_of_batches(&self) -> bool {
        self.of_batches
    }

    /// Says whether a part of the answer is there.
    pub(super) fn has_begun(&self) -> bool {
        self.begun
    }

    /// Returns how many keys are neither found nor passed over.
    pub(super) fn left(&self) -> usize {
        self.left
    }

    pub(super) fn encode(&self, out: &mut BytesMut) {
        self.form.put(out);
        out.extend_from_slice(&self.keys);
        out.extend_from_slice(b"\r\n");
    }

    /// Takes in what the server answered; true when the answer is over, with what is left missing.
    pub(super) fn handle_bytes(
        &mut self,
        buffer: &mut BytesMut,
        limits: Limits,
        asked: &mut Asked,
        slots: &mut Slots,
        wakers: &mut Vec<Waker>,
    ) -> Result<bool, OutOfStep> {
        loop {
            let found = cut_found(buffer, self.form, limits, |item| self.pass_to(item, asked))?;
            let reply = match found {
                None => return Ok(false),
                Some(Found::Item { flags, cas, data }) => {
                    let reply = item(flags, cas, data);
                    let wanted = self.take_next(asked);
                    while let Some(sharer) = self.take_sharer(asked) {
                        sharer.answer(reply.clone(), slots, wakers);
                    }
                    if let Some(wanted) = wanted {
                        wanted.answer(reply, slots, wakers);
                    }
                    continue;
                }
                Some(Found::End) => Reply::Item(None),
                Some(Found::Refused(refusal)) => {
                    while let Some(wanted) = self.take_next(asked) {
                        self.passed.push(wanted);
                    }
                    Reply::Refused(refusal)
                }
            };
            for wanted in self.passed.drain(..) {
                wanted.answer(reply.clone(), slots, wakers);
            }
            return Ok(true);
        }
    }

    /// Takes the next key that was not found before the end.
    pub(super) fn take_missing(&mut self, asked: &mut Asked) -> Option<Single> {
        if self.left == 0 {
            return None;
        }
        let wanted = asked.0.pop_front()?;
        self.left -= 1;
        if wanted.len > 0 {
            self.missing = self.keys.split_to(usize::from(wanted.len));
        }
        Some(wanted.single(self.missing.clone()))
    }

    /// Takes who still waits for this command.
    pub(super) fn give_up(self, asked: &mut Asked) -> impl Iterator<Item = Ticket> {
        let left = asked.0.drain(..self.left);
        self.passed.into_iter().chain(left).map(|wanted| wanted.slot)
    }

    /// Goes on to the key of the item that was found: those before it were not. `None` where it is none
    /// of the keys that are left.
    fn pass_to(&mut self, item: &[u8], asked: &mut Asked) -> Option<Accepted> {
        let (mut passed, mut offset) = (0, 0);
        while passed < self.left {
            let end = offset + usize::from(asked.0.get(passed)?.len);
            // Who shares a key has none of its own here.
            if let Some(key) = self.keys.get(offset + 1..end)
                && item.strip_prefix(key).is_some_and(|rest| rest.starts_with(b" "))
            {
                let accepted = Accepted { key: key.len(), more: end < self.keys.len() };
                for _ in 0..passed {
                    let wanted = self.take_next(asked);
                    self.passed.extend(wanted);
                }
                return Some(accepted);
            }
            (passed, offset) = (passed + 1, end);
        }
        None
    }

    /// Takes who wants the key that was just taken as well.
    fn take_sharer(&mut self, asked: &mut Asked) -> Option<Wanted> {
        let shares = self.left > 0 && asked.0.front()?.len == 0;
        if shares { self.take_next(asked) } else { None }
    }

    /// Takes who wants the next key.
    fn take_next(&mut self, asked: &mut Asked) -> Option<Wanted> {
        if self.left == 0 {
            return None;
        }
        let wanted = asked.0.pop_front()?;
        self.begun = true;
        self.left -= 1;
        self.keys.advance(usize::from(wanted.len));
        Some(wanted)
    }
}

/// Returns what an item that was found is to its caller.
fn item(flags: u32, cas: Option<CasToken>, data: Bytes) -> Reply {
    match cas {
        None => Reply::Item(Some((flags, data))),
        cas => Reply::Answer(Answer { flags, cas, data: Some(data), ..Answer::of(Status::Value) }),
    }
}

impl Wanted {
    /// Appends the key to `keys` and says who wants it.
    fn new(key: WireKey<'_>, slot: Ticket, index: usize, keys: &mut BytesMut) -> Self {
        let before = keys.len();
        keys.extend_from_slice(b" ");
        key.put(keys);
        let len = u16::try_from(keys.len() - before).unwrap_or(u16::MAX);
        let index = u32::try_from(index).unwrap_or(u32::MAX);
        Self { slot, index, len }
    }

    fn answer(self, reply: Reply, slots: &mut Slots, wakers: &mut Vec<Waker>) {
        slots.answer(self.slot, self.index as usize, reply, wakers);
    }

    fn single(self, mut key: Bytes) -> Single {
        key.advance(1);
        Single { slot: self.slot, index: self.index as usize, key }
    }
}
