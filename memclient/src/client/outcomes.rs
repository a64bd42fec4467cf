//! What the requests of a batch came to, in their order.

use super::{call::Call, parts::Part, requests::Batched};
use crate::{
    conn::Replies,
    error::{Error, Result},
    proto::Reply,
};

/// The outcomes, as far as they are known.
pub(super) struct Outcomes<T>(Vec<Option<Result<T>>>);

impl<T> Outcomes<T> {
    /// Returns none, with room for so many.
    pub(super) fn with_capacity(count: usize) -> Self {
        Self(Vec::with_capacity(count))
    }

    pub(super) fn put(&mut self, place: usize, outcome: Result<T>) {
        if place > self.0.len() {
            self.0.resize_with(place, || None);
        }
        match self.0.get_mut(place) {
            Some(known) => *known = Some(outcome),
            None => self.0.push(Some(outcome)),
        }
    }

    /// Puts what a part came to.
    pub(super) fn put_all<R: Batched>(
        &mut self,
        call: Call<'_>,
        part: &Part<R>,
        replies: Result<Replies>,
        read: impl Fn(Reply) -> Result<T>,
    ) {
        if let Some(last) = part.places.last() {
            // No more than that: where a batch is under way as a whole, the replies that wait to
            // become outcomes take what room there is.
            self.0.reserve_exact((last + 1).saturating_sub(self.0.len()));
        }
        let mut put = |place, request: &R, reply| {
            call.note(&request.key(), &reply);
            self.put(place, read(reply).map_err(|error| call.blame(error)));
        };
        match replies {
            Ok(Replies::One(reply)) => {
                if let ([place], [request]) = (&*part.places, &*part.requests) {
                    put(*place, request, reply);
                }
            }
            Ok(Replies::Many(replies)) => {
                for ((place, request), reply) in part.places.iter().zip(&part.requests).zip(replies)
                {
                    put(*place, request, reply);
                }
            }
            Err(error) => self.put_same(part, || Err(error.clone())),
        }
    }

    /// Puts the same for all of a part.
    pub(super) fn put_same<R>(&mut self, part: &Part<R>, outcome: impl Fn() -> Result<T>) {
        for &place in &part.places {
            self.put(place, outcome());
        }
    }

    /// Returns so many outcomes.
    pub(super) fn into_vec(mut self, count: usize) -> Vec<Result<T>> {
        self.0.resize_with(count, || None);
        let missing = || Err(Error::protocol("a request of a batch has no answer"));
        self.0.into_iter().map(|outcome| outcome.unwrap_or_else(missing)).collect()
    }
}
