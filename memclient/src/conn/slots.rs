//! Where the replies of callers wait for them. No allocation for a call with one reply.

use std::task::{Poll, Waker};

use super::{
    replies::{List, Replies},
    tally::Receipt,
};
use crate::{
    error::{Delivery, Error, Result},
    proto::Reply,
    wire::Incarnation,
};

/// The number of a slot, given back when its replies are taken or its caller leaves.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Ticket(usize);

#[derive(Debug)]
enum Slot {
    Vacant {
        next: Option<usize>,
    },
    /// A call with one reply, which it keeps without a list.
    Single {
        waker: Option<Waker>,
    },
    Waiting {
        replies: List,
        /// How many replies there will be, and how many of them are still to come.
        count: usize,
        left: usize,
        waker: Option<Waker>,
    },
    /// The caller has left; so many replies are still to come and to be dropped.
    Abandoned {
        left: usize,
    },
    /// The caller has left, and wants to know how many of so many replies are failures.
    Counted {
        left: usize,
        receipt: Receipt,
    },
    Done(Result<Replies>),
}

impl Slot {
    /// Returns whom to wake, where somebody waits.
    fn waker(&mut self) -> Option<&mut Option<Waker>> {
        match self {
            Self::Single { waker } | Self::Waiting { waker, .. } => Some(waker),
            _ => None,
        }
    }
}

/// The slots, with the vacant ones chained so that none is searched for.
#[derive(Debug, Default)]
pub(super) struct Slots {
    all: Vec<Slot>,
    vacant: Option<usize>,
    /// Who gives out the versions of the items in replies.
    incarnation: Option<Incarnation>,
}

impl Slots {
    /// Takes the versions in replies as those of this incarnation of the server from now on.
    pub(super) fn bind(&mut self, incarnation: Option<Incarnation>) {
        self.incarnation = incarnation;
    }

    /// Returns a slot for so many replies.
    pub(super) fn take(&mut self, replies: usize) -> Ticket {
        let slot = match replies {
            0 => Slot::Done(Ok(Replies::Many(List::EMPTY))),
            1 => Slot::Single { waker: None },
            count => Slot::Waiting { replies: List::EMPTY, count, left: count, waker: None },
        };
        let vacant = self.vacant.and_then(|index| Some((index, self.all.get_mut(index)?)));
        let Some((index, place)) = vacant else {
            self.all.push(slot);
            return Ticket(self.all.len() - 1);
        };
        self.vacant = match std::mem::replace(place, slot) {
            Slot::Vacant { next } => next,
            // The chain names vacant slots only; broken, it would forget the others and harm
            // nobody.
            _ => None,
        };
        Ticket(index)
    }

    /// Gives the slot's caller the reply to the request of this index; `wakers` gets the caller
    /// when it was the last.
    pub(super) fn answer(
        &mut self,
        ticket: Ticket,
        index: usize,
        mut reply: Reply,
        wakers: &mut Vec<Waker>,
    ) {
        if let Some(cas) = reply.cas_mut() {
            *cas = cas.given_out_by(self.incarnation);
        }
        match self.all.get_mut(ticket.0) {
            Some(slot @ Slot::Single { .. }) => {
                let done = Slot::Done(Ok(Replies::One(reply)));
                if let Slot::Single { waker: Some(waker) } = std::mem::replace(slot, done) {
                    wakers.push(waker);
                }
            }
            Some(slot @ Slot::Waiting { .. }) => {
                let Slot::Waiting { replies, count, left, waker } = slot else { return };
                *left -= 1;
                replies.put(index, reply, *count);
                if *left == 0 {
                    wakers.extend(waker.take());
                    let replies = std::mem::replace(replies, List::EMPTY);
                    *slot = Slot::Done(Ok(Replies::Many(replies)));
                }
            }
            Some(Slot::Abandoned { left }) if *left > 1 => *left -= 1,
            Some(Slot::Abandoned { .. }) => self.remove(ticket),
            Some(Slot::Counted { left, receipt }) => {
                receipt.note(reply, wakers);
                *left -= 1;
                if *left == 0 {
                    self.remove(ticket);
                }
            }
            Some(Slot::Done(_) | Slot::Vacant { .. }) | None => {}
        }
    }

    /// Says whether somebody still waits for the slot's replies.
    pub(super) fn is_wanted(&self, ticket: Ticket) -> bool {
        matches!(self.all.get(ticket.0), Some(Slot::Single { .. } | Slot::Waiting { .. }))
    }

    /// Ends the slot's call with an error, unless it has ended.
    pub(super) fn fail(
        &mut self,
        ticket: Ticket,
        error: impl FnOnce() -> Error,
        wakers: &mut Vec<Waker>,
    ) {
        match self.all.get_mut(ticket.0) {
            Some(slot @ (Slot::Single { .. } | Slot::Waiting { .. })) => {
                wakers.extend(slot.waker().and_then(Option::take));
                *slot = Slot::Done(Err(error()));
            }
            Some(Slot::Abandoned { .. }) => self.remove(ticket),
            Some(Slot::Counted { left, receipt }) => {
                receipt.fail(*left, &error(), wakers);
                self.remove(ticket);
            }
            Some(Slot::Done(_) | Slot::Vacant { .. }) | None => {}
        }
    }

    /// Returns the replies once all are there, and gives the ticket back then; else remembers whom
    /// to wake.
    #[inline]
    pub(super) fn poll(&mut self, ticket: Ticket, waker: &Waker) -> Poll<Result<Replies>> {
        if self.heed(ticket, waker) {
            return Poll::Pending;
        }
        if let Some(Slot::Done(_)) = self.all.get(ticket.0)
            && let Some(Slot::Done(outcome)) = self.vacate(ticket)
        {
            return Poll::Ready(outcome);
        }
        Poll::Ready(Err(Error::closed(Delivery::Unknown, None)))
    }

    /// Returns why the call has failed, if it has, and gives the ticket back then.
    pub(super) fn take_failure(&mut self, ticket: Ticket) -> Option<Error> {
        let slot = self.all.get_mut(ticket.0)?;
        let Slot::Done(Err(error)) = slot else { return None };
        let error = error.clone();
        self.remove(ticket);
        Some(error)
    }

    /// Wakes everybody who waits, for a look at how things stand.
    pub(super) fn wake_all(&mut self, wakers: &mut Vec<Waker>) {
        wakers.extend(self.all.iter_mut().filter_map(|slot| slot.waker()?.take()));
    }

    /// Remembers whom to wake when the replies are there; false where nobody has to wait for them.
    #[inline]
    pub(super) fn heed(&mut self, ticket: Ticket, waker: &Waker) -> bool {
        match self.all.get_mut(ticket.0).and_then(Slot::waker) {
            Some(Some(known)) => known.clone_from(waker),
            Some(known) => *known = Some(waker.clone()),
            None => return false,
        }
        true
    }

    /// Forgets whom to wake: the caller is awake and looks for itself.
    pub(super) fn hush(&mut self, ticket: Ticket) {
        if let Some(waker) = self.all.get_mut(ticket.0).and_then(Slot::waker) {
            *waker = None;
        }
    }

    /// Takes the caller's interest away.
    pub(super) fn abandon(&mut self, ticket: Ticket) {
        if cfg!(memclient_planted = "abandon") {
            return self.remove(ticket);
        }
        match self.all.get_mut(ticket.0) {
            Some(slot @ Slot::Single { .. }) => *slot = Slot::Abandoned { left: 1 },
            Some(slot @ Slot::Waiting { .. }) => {
                if let Slot::Waiting { left, .. } = *slot {
                    *slot = Slot::Abandoned { left };
                }
            }
            Some(Slot::Done(_)) => self.remove(ticket),
            Some(Slot::Abandoned { .. } | Slot::Counted { .. } | Slot::Vacant { .. }) | None => {}
        }
    }

    /// Takes the caller's interest away, but for how many of its requests fail.
    pub(super) fn abandon_to(&mut self, ticket: Ticket, receipt: Receipt, wakers: &mut Vec<Waker>) {
        let Some(slot) = self.all.get_mut(ticket.0) else { return };
        match std::mem::replace(slot, Slot::Done(Ok(Replies::Many(List::EMPTY)))) {
            Slot::Single { .. } => {
                *slot = Slot::Counted { left: 1, receipt };
                return;
            }
            Slot::Waiting { replies, left, .. } => {
                // Of the others the replies are here.
                for reply in replies {
                    receipt.note(reply, wakers);
                }
                *slot = Slot::Counted { left, receipt };
                return;
            }
            Slot::Done(Ok(Replies::One(reply))) => receipt.note(reply, wakers),
            Slot::Done(Ok(Replies::Many(replies))) => {
                for reply in replies {
                    receipt.note(reply, wakers);
                }
            }
            Slot::Done(Err(error)) => receipt.fail(receipt.count(), &error, wakers),
            Slot::Abandoned { .. } | Slot::Counted { .. } | Slot::Vacant { .. } => {}
        }
        self.remove(ticket);
    }

    /// Says whether no caller has a slot and no reply is to come for one who left.
    #[cfg(test)]
    pub(super) fn are_vacant(&self) -> bool {
        self.all.iter().all(|slot| matches!(slot, Slot::Vacant { .. }))
    }

    fn remove(&mut self, ticket: Ticket) {
        drop(self.vacate(ticket));
    }

    /// Makes the slot a vacant one and returns what it was.
    #[inline]
    fn vacate(&mut self, ticket: Ticket) -> Option<Slot> {
        let slot = self.all.get_mut(ticket.0)?;
        let vacant = Slot::Vacant { next: self.vacant.replace(ticket.0) };
        Some(std::mem::replace(slot, vacant))
    }
}
