//! The replies to one call.

use bytes::Bytes;

use crate::proto::Reply;

/// The replies to one call, one per request, in order.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Replies {
    One(Reply),
    Many(List),
}

/// The replies to several requests, of which those that came early wait for the last: as short as
/// can be while all of them say no more than what a `get` found.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum List {
    Items(Vec<Option<(u32, Bytes)>>),
    Any(Vec<Reply>),
}

impl List {
    pub(super) const EMPTY: Self = Self::Items(Vec::new());

    /// Puts the reply at its place, in a list that will have so many.
    pub(super) fn put(&mut self, index: usize, reply: Reply, count: usize) {
        match self {
            Self::Items(items) => match reply.into_item() {
                Ok(item) => put(items, index, item, None, count),
                Err(reply) => {
                    let mut replies = Vec::with_capacity(count);
                    replies.extend(std::mem::take(items).into_iter().map(Reply::Item));
                    put(&mut replies, index, reply, Reply::Item(None), count);
                    *self = Self::Any(replies);
                }
            },
            Self::Any(replies) => put(replies, index, reply, Reply::Item(None), count),
        }
    }
}

/// Puts one at its place, and what stands for those that are still to come before it.
fn put<T: Clone>(list: &mut Vec<T>, index: usize, one: T, gap: T, count: usize) {
    if list.is_empty() {
        // Not before anything has come: of a large batch most is asked for long before.
        list.reserve_exact(count);
    }
    if index > list.len() {
        list.resize(index, gap);
    }
    match list.get_mut(index) {
        Some(place) => *place = one,
        None => list.push(one),
    }
}

impl IntoIterator for List {
    type Item = Reply;
    type IntoIter = IntoIter;

    fn into_iter(self) -> IntoIter {
        match self {
            Self::Items(items) => IntoIter::Items(items.into_iter()),
            Self::Any(replies) => IntoIter::Any(replies.into_iter()),
        }
    }
}

/// The replies of a list.
pub(crate) enum IntoIter {
    Items(std::vec::IntoIter<Option<(u32, Bytes)>>),
    Any(std::vec::IntoIter<Reply>),
}

impl Iterator for IntoIter {
    type Item = Reply;

    #[inline]
    fn next(&mut self) -> Option<Reply> {
        match self {
            Self::Items(items) => items.next().map(Reply::Item),
            Self::Any(replies) => replies.next(),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        match self {
            Self::Items(items) => items.size_hint(),
            Self::Any(replies) => replies.size_hint(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::{Answer, Status};

    fn value(data: &'static [u8]) -> Answer {
        Answer { data: Some(Bytes::from_static(data)), ..Answer::of(Status::Value) }
    }

    #[test]
    fn what_was_found_stays_short_and_keeps_its_order() {
        let mut list = List::EMPTY;
        list.put(2, Reply::Item(Some((7, Bytes::from_static(b"c")))), 3);
        list.put(0, Reply::Answer(value(b"a")), 3);
        list.put(1, Reply::Answer(Answer::of(Status::Miss)), 3);

        assert!(matches!(&list, List::Items(items) if items.capacity() == 3));
        let item = |flags, data| Reply::Item(Some((flags, Bytes::from_static(data))));
        let replies: Vec<Reply> = list.into_iter().collect();
        assert_eq!(replies, [item(0, b"a"), Reply::Item(None), item(7, b"c")]);
    }

    #[test]
    fn a_reply_that_says_more_is_kept_whole_among_the_others() {
        let more = [
            Answer { stale: true, ..value(b"b") },
            Answer { ttl: Some(3), ..value(b"b") },
            Answer::of(Status::Done),
            // Whether an empty value is a stub is known of this one, and not of an item.
            value(b""),
        ];
        for answer in more {
            let mut list = List::EMPTY;
            list.put(0, Reply::Item(None), 3);
            list.put(2, Reply::Answer(answer.clone()), 3);
            list.put(1, Reply::Item(None), 3);

            let replies: Vec<Reply> = list.into_iter().collect();
            assert_eq!(replies, [Reply::Item(None), Reply::Item(None), Reply::Answer(answer)]);
        }
    }
}
