//! Many requests at once: to their nodes, in pipelined parts, and the answers back in order.

use std::collections::VecDeque;

use super::{
    Client,
    call::Call,
    flight::Asked,
    parts::{Batched, Chosen, Part, Parts, Valid, WINDOW},
};
use crate::{
    conn::Replies,
    error::{Delivery, Error, Result},
    join,
    proto::Reply,
};

impl Client {
    /// Sends all requests that are valid and returns one outcome per request, in their order.
    pub(super) async fn batch<R: Batched, T>(
        &self,
        command: &'static str,
        repeatable: bool,
        requests: impl Iterator<Item = Result<R>>,
        read: impl Fn(Reply) -> Result<T>,
    ) -> Vec<Result<T>> {
        let requests: Vec<Result<R>> = requests.collect();
        self.batch_as_it_goes(command, repeatable, requests.into_iter(), read).await
    }

    /// Sends all requests that are valid like [`Client::batch`], and makes those to a single node when
    /// their turn comes.
    pub(super) async fn batch_as_it_goes<R: Batched, I: Iterator<Item = Result<R>>, T>(
        &self,
        command: &'static str,
        repeatable: bool,
        requests: I,
        read: impl Fn(Reply) -> Result<T>,
    ) -> Vec<Result<T>> {
        let mut valid = Valid::of(requests);
        let mut outcomes = if let [node] = self.0.cluster.nodes() {
            self.share(Call { command, node, repeatable }, &mut valid, &read).await
        } else {
            let requests: Vec<R> = valid.by_ref().collect();
            self.spread(command, repeatable, &requests, &read).await
        };
        // In their order, so that each finds its place.
        for (place, error) in valid.invalid {
            outcomes.insert(place.min(outcomes.len()), Err(error.during(command)));
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
        for share in self.0.cluster.scatter(valid.iter().map(|request: &R| request.key().key)) {
            let call =
                Call { command, node: &self.0.cluster.nodes()[share.node], repeatable: false };
            let mut keys = share.keys.iter();
            for part in Parts::of(Chosen::new(&share.keys, &valid)) {
                let bytes = part.0.iter().map(Batched::bytes).sum();
                let sent = call.send(part.ask(), bytes, self.deadline(), &self.0.tally).await;
                for &key in keys.by_ref().take(part.0.len()) {
                    let outcome = places.get(key).and_then(|&place| outcomes.get_mut(place));
                    if let (Some(outcome), Err(error)) = (outcome, &sent) {
                        *outcome = Err(error.clone());
                    }
                }
            }
        }
        outcomes
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
        let shares = self.0.cluster.scatter(requests.iter().map(|request| request.key().key));
        let calls = shares.iter().map(|share| {
            let call = Call { command, node: &nodes[share.node], repeatable };
            self.share(call, Chosen::new(&share.keys, requests), read)
        });
        let answers = join::all(calls.collect()).await;
        let mut outcomes: Vec<Option<Result<T>>> = requests.iter().map(|_| None).collect();
        for (share, answers) in shares.iter().zip(answers) {
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
    ///
    /// Of what does not go into the outcomes only those parts are held.
    async fn share<R: Batched, T>(
        &self,
        call: Call<'_>,
        requests: impl Iterator<Item = R>,
        read: &impl Fn(Reply) -> Result<T>,
    ) -> Vec<Result<T>> {
        let mut parts = Parts::of(requests);
        let mut outcomes = Vec::with_capacity(parts.room());
        let read = |request: &R, reply: Reply| {
            call.note(&request.key(), &reply);
            read(reply).map_err(|error| call.blame(error))
        };
        let mut take = |part: &Part<R>, replies| {
            outcomes.reserve_exact(part.0.len());
            match replies {
                Ok(Replies::One(reply)) => {
                    outcomes.extend(part.0.first().map(|one| read(one, reply)));
                }
                Ok(Replies::Many(replies)) => {
                    let answers = part.0.iter().zip(replies);
                    outcomes.extend(answers.map(|(request, reply)| read(request, reply)));
                }
                Err(error) => outcomes.extend(part.0.iter().map(|_| Err(Error::clone(&error)))),
            }
        };
        let bytes = |part: &Part<R>| {
            let expected = |request: &R| call.node.expected_size(&request.key().key);
            part.0.iter().map(|request| request.bytes() + expected(request)).sum()
        };
        let mut first = parts.next();
        if let Some(part) = first.take_if(|_| parts.is_over()) {
            take(&part, call.run(part.ask(), bytes(&part), self.deadline()).await);
            return outcomes;
        }
        let mut flying = VecDeque::with_capacity(WINDOW);
        // A part that has run out of time is the last: each of the others would take as long.
        let mut late = None;
        let timeout = |error: Option<&Error>| error.filter(|error| error.is_timeout()).cloned();
        loop {
            while late.is_none()
                && flying.len() < WINDOW
                && let Some(part) = first.take().or_else(|| parts.next())
            {
                let bytes = bytes(&part);
                let flight = call.fly(part, bytes, self.deadline()).await;
                late = timeout(flight.failure());
                flying.push_back((flight, bytes));
            }
            let Some((mut flight, bytes)) = flying.pop_front() else { break };
            let replies = match (&mut flight).await {
                Err(error) if late.is_none() && call.may_repeat(&error) => {
                    call.run(flight.asked().ask(), bytes, self.deadline()).await
                }
                replies => replies.map_err(|error| call.blame(error)),
            };
            late = late.or_else(|| timeout(replies.as_ref().err()));
            take(flight.asked(), replies);
        }
        if let Some(late) = late {
            let late = call.blame(late.delivered(Delivery::NotSent));
            outcomes.extend(parts.rest.map(|_| Err(late.clone())));
        }
        outcomes
    }
}
