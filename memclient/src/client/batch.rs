//! Many requests at once: to their nodes, in pipelined parts, and the answers back in order.

use std::collections::VecDeque;

use super::{
    Client,
    call::{Call, OVERHEAD},
    flight::Flight,
};
use crate::{
    cluster::Share,
    conn::{Ask, Replies},
    error::{Delivery, Error, Result},
    join,
    proto::{
        Reply, Request, WireKey,
        command::{Delete, Gat, Get, Lease, Release, Store, Touch},
    },
};

/// How many requests and bytes go into one part: enough to fill a write, few enough that the
/// answers begin to come while the next part is on its way, and that others are not kept waiting.
const PART_REQUESTS: usize = 256;
const PART_BYTES: usize = 128 * 1024;

/// How many parts of one batch may be under way on one node.
const WINDOW: usize = 4;

/// A request as it stands in a batch.
pub(super) trait Batched: Copy + Send + Sync {
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
    Delete: |_| 0,
    Gat: |_| 0,
    Get: |_| 0,
    Lease: |_| 0,
    Release: |_| 0,
    Store: |store| store.data.len(),
    Touch: |_| 0,
}

impl Client {
    /// Sends all requests that are valid and returns one outcome per request, in their order.
    pub(super) async fn batch<R: Batched, T>(
        &self,
        command: &'static str,
        repeatable: bool,
        requests: impl Iterator<Item = Result<R>>,
        read: impl Fn(Reply) -> Result<T>,
    ) -> Vec<Result<T>> {
        let mut valid = Vec::with_capacity(requests.size_hint().0);
        let mut invalid = Vec::new();
        for (place, request) in requests.enumerate() {
            match request {
                Ok(request) => valid.push(request),
                Err(error) => invalid.push((place, Err(error.during(command)))),
            }
        }
        let mut outcomes = if let [node] = self.0.cluster.nodes() {
            self.share(Call { command, node, repeatable }, &valid, &read).await
        } else {
            self.spread(command, repeatable, &valid, &read).await
        };
        // In their order, so that each finds its place.
        for (place, error) in invalid {
            outcomes.insert(place.min(outcomes.len()), error);
        }
        outcomes
    }

    /// Sends all requests that are valid and does not wait for their answers; one outcome per
    /// request, in their order.
    pub(super) async fn send_batch<R: Batched, T: Clone>(
        &self,
        command: &'static str,
        requests: impl Iterator<Item = Result<R>>,
        sent: T,
    ) -> Vec<Result<T>> {
        let (mut outcomes, mut valid, mut places) = (Vec::new(), Vec::new(), Vec::new());
        for (place, request) in requests.enumerate() {
            outcomes.push(match request {
                Ok(request) => {
                    valid.push(request);
                    places.push(place);
                    Ok(sent.clone())
                }
                Err(error) => Err(error.during(command)),
            });
        }
        for (share, requests) in self.shares(&valid) {
            let call =
                Call { command, node: &self.0.cluster.nodes()[share.node], repeatable: false };
            let mut keys = share.keys.iter();
            for part in (Parts { rest: &requests[..] }) {
                let bytes = part.iter().map(Batched::bytes).sum();
                let sent = call.send(R::ask(part), bytes, self.deadline(), &self.0.tally).await;
                for &key in keys.by_ref().take(part.len()) {
                    let outcome = places.get(key).and_then(|&place| outcomes.get_mut(place));
                    if let (Some(outcome), Err(error)) = (outcome, &sent) {
                        *outcome = Err(error.clone());
                    }
                }
            }
        }
        outcomes
    }

    /// Returns the requests of each node that has any.
    fn shares<R: Batched>(&self, requests: &[R]) -> Vec<(Share, Vec<R>)> {
        let shares = self.0.cluster.scatter(requests.iter().map(|request| request.key().key));
        let with_requests = |share: Share| {
            let part = share.keys.iter().filter_map(|&key| requests.get(key).copied()).collect();
            (share, part)
        };
        shares.into_iter().map(with_requests).collect()
    }

    /// Runs the requests of several nodes side by side; one outcome per request, in their order.
    async fn spread<R: Batched, T>(
        &self,
        command: &'static str,
        repeatable: bool,
        requests: &[R],
        read: &impl Fn(Reply) -> Result<T>,
    ) -> Vec<Result<T>> {
        let nodes = self.0.cluster.nodes();
        let shares = self.shares(requests);
        let calls = shares.iter().map(|(share, part)| {
            let call = Call { command, node: &nodes[share.node], repeatable };
            self.share(call, part, read)
        });
        let answers = join::all(calls.collect()).await;
        let mut outcomes: Vec<Option<Result<T>>> = requests.iter().map(|_| None).collect();
        for ((share, _), answers) in shares.iter().zip(answers) {
            for (&key, answer) in share.keys.iter().zip(answers) {
                if let Some(outcome) = outcomes.get_mut(key) {
                    *outcome = Some(answer);
                }
            }
        }
        let missing = || Err(Error::protocol("a request of a batch has no answer"));
        outcomes.into_iter().map(|outcome| outcome.unwrap_or_else(missing)).collect()
    }

    /// Runs the requests of one node, several parts under way at a time; one outcome per request.
    async fn share<R: Batched, T>(
        &self,
        call: Call<'_>,
        requests: &[R],
        read: &impl Fn(Reply) -> Result<T>,
    ) -> Vec<Result<T>> {
        let mut outcomes = Vec::with_capacity(requests.len());
        let read = |request: &R, reply: Reply| {
            call.note(&request.key(), &reply);
            read(reply).map_err(|error| call.blame(error))
        };
        let mut take = |requests: &[R], replies| match replies {
            Ok(Replies::One(reply)) => {
                outcomes.extend(requests.first().map(|one| read(one, reply)));
            }
            Ok(Replies::Many(replies)) => {
                let answers = requests.iter().zip(replies);
                outcomes.extend(answers.map(|(request, reply)| read(request, reply)));
            }
            Err(error) => outcomes.extend(requests.iter().map(|_| Err(Error::clone(&error)))),
        };
        let bytes = |part: &[R]| {
            let expected = |request: &R| call.node.expected_size(&request.key().key);
            part.iter().map(|request| request.bytes() + expected(request)).sum()
        };
        let mut parts = Parts { rest: requests };
        if let Some(part) = parts.single() {
            take(part, call.run(R::ask(part), bytes(part), self.deadline()).await);
            return outcomes;
        }
        let mut flying = VecDeque::with_capacity(WINDOW);
        // A part that has run out of time is the last: each of the others would take as long.
        let mut late = None;
        let timeout = |error: Option<&Error>| error.filter(|error| error.is_timeout()).cloned();
        loop {
            while late.is_none()
                && flying.len() < WINDOW
                && let Some(part) = parts.next()
            {
                let bytes = bytes(part);
                let flight = call.fly(R::ask(part), bytes, self.deadline()).await;
                late = timeout(flight.as_ref().err());
                flying.push_back(Part { requests: part, bytes, flight });
            }
            let Some(part) = flying.pop_front() else { break };
            let (requests, replies) = self.land(call, part, late.is_some()).await;
            late = late.or_else(|| timeout(replies.as_ref().err()));
            take(requests, replies);
        }
        if let Some(late) = late {
            take(parts.rest, Err(call.blame(late.delivered(Delivery::NotSent))));
        }
        outcomes
    }

    /// Awaits a part that is under way; after a `late` one, no part is tried again.
    async fn land<'a, R: Batched>(
        &self,
        call: Call<'_>,
        part: Part<'a, R>,
        late: bool,
    ) -> (&'a [R], Result<Replies>) {
        let Part { requests, bytes, flight } = part;
        let replies = match flight {
            Ok(flight) => flight.await,
            Err(error) => Err(error),
        };
        let replies = match replies {
            Err(error) if !late && call.may_repeat(&error) => {
                call.run(R::ask(requests), bytes, self.deadline()).await
            }
            replies => replies.map_err(|error| call.blame(error)),
        };
        (requests, replies)
    }
}

/// A part of a batch that is under way.
struct Part<'a, R: Batched> {
    requests: &'a [R],
    bytes: usize,
    flight: Result<Flight<'a, R::Request>>,
}

/// The requests of one node, cut into parts.
struct Parts<'a, R> {
    rest: &'a [R],
}

impl<'a, R: Batched> Parts<'a, R> {
    /// Takes everything, if it is a part.
    fn single(&mut self) -> Option<&'a [R]> {
        let all = self.rest;
        let part = self.next()?;
        if self.rest.is_empty() {
            return Some(part);
        }
        self.rest = all;
        None
    }
}

impl<'a, R: Batched> Iterator for Parts<'a, R> {
    type Item = &'a [R];

    fn next(&mut self) -> Option<Self::Item> {
        let mut bytes = 0;
        let fits = |request: &&R| {
            bytes += request.bytes();
            bytes <= PART_BYTES
        };
        // A request larger than a part is a part of its own.
        let count = self.rest.iter().take(PART_REQUESTS).take_while(fits).count().max(1);
        let (part, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some(part)
    }
}
