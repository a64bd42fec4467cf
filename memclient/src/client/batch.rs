//! Many requests at once: to their nodes, in pipelined parts, and the answers back in order.

use std::{
    collections::VecDeque,
    future::{Future, poll_fn},
    pin::Pin,
    task::Poll,
};

use super::{
    Client,
    call::{Call, OVERHEAD},
};
use crate::{
    conn::{Ask, InFlight, Replies},
    error::{Error, Result},
    proto::{
        Reply, Request,
        meta::{self, WireKey},
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
    type Request = meta::Get<'static>;

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

impl Batched for meta::Get<'_> {
    type Request = Self;

    fn ask(part: &[Self]) -> Ask<'_, Self> {
        Ask::Run(part)
    }

    fn key(&self) -> WireKey<'_> {
        self.key
    }

    fn bytes(&self) -> usize {
        self.key.len() + OVERHEAD
    }
}

impl Batched for meta::Set<'_> {
    type Request = Self;

    fn ask(part: &[Self]) -> Ask<'_, Self> {
        Ask::Run(part)
    }

    fn key(&self) -> WireKey<'_> {
        self.key
    }

    fn bytes(&self) -> usize {
        self.key.len() + self.data.len() + OVERHEAD
    }
}

impl Client {
    /// Sends all requests that are valid and returns one outcome per request, in their order.
    pub(super) async fn batch<R: Batched, T>(
        &self,
        command: &'static str,
        repeatable: bool,
        requests: Vec<Result<R>>,
        read: impl Fn(Reply) -> Result<T>,
    ) -> Vec<Result<T>> {
        let nodes = self.0.cluster.nodes();
        let call = |node: usize| Call { command, node: &nodes[node], repeatable };
        // Where each request that goes out stands among all of them.
        let mut places = Vec::with_capacity(requests.len());
        let mut valid = Vec::with_capacity(requests.len());
        let mut outcomes = Vec::with_capacity(requests.len());
        for (place, request) in requests.into_iter().enumerate() {
            outcomes.push(match request {
                Ok(request) => {
                    places.push(place);
                    valid.push(request);
                    None
                }
                Err(error) => Some(Err(error.during(command))),
            });
        }
        let mut shares = self.0.cluster.scatter(valid.iter().map(|request| request.key().key));
        let parts = shares.iter().map(|share| {
            let requests: Vec<R> =
                share.keys.iter().filter_map(|&key| valid.get(key).copied()).collect();
            self.share(call(share.node), requests)
        });
        let answers = join(parts.collect()).await;
        for (share, answers) in shares.drain(..).zip(answers) {
            let call = call(share.node);
            for (key, answer) in share.keys.into_iter().zip(answers) {
                let outcome = places.get(key).and_then(|&place| outcomes.get_mut(place));
                if let Some(outcome) = outcome {
                    *outcome = Some(answer.and_then(&read).map_err(|error| call.blame(error)));
                }
            }
        }
        let missing = || Err(Error::protocol("a request of a batch has no answer"));
        outcomes.into_iter().map(|outcome| outcome.unwrap_or_else(missing)).collect()
    }

    /// Runs the requests of one node, several parts under way at a time; one answer per request.
    async fn share<R: Batched>(&self, call: Call<'_>, requests: Vec<R>) -> Vec<Result<Reply>> {
        let mut answers = Vec::with_capacity(requests.len());
        let mut flying = VecDeque::with_capacity(WINDOW);
        for part in parts(&requests) {
            if flying.len() == WINDOW {
                self.land(call, &mut flying, &mut answers).await;
            }
            let bytes = part.iter().map(Batched::bytes).sum();
            let flight = call.start(R::ask(part), bytes, self.deadline()).await;
            flying.push_back(Part { requests: part, bytes, flight });
        }
        while !flying.is_empty() {
            self.land(call, &mut flying, &mut answers).await;
        }
        answers
    }

    /// Awaits the part that was sent first.
    async fn land<R: Batched>(
        &self,
        call: Call<'_>,
        flying: &mut VecDeque<Part<'_, R>>,
        answers: &mut Vec<Result<Reply>>,
    ) {
        let Some(Part { requests, bytes, flight }) = flying.pop_front() else {
            return;
        };
        let replies = match flight {
            Ok(flight) => call.finish(flight).await,
            Err(error) => Err(error),
        };
        let replies = match replies {
            Err(error) if call.may_repeat(&error) => {
                call.run(R::ask(requests), bytes, self.deadline()).await
            }
            replies => replies,
        };
        match replies {
            Ok(Replies::One(reply)) => answers.push(Ok(reply)),
            Ok(Replies::Many(replies)) => answers.extend(replies.into_iter().map(Ok)),
            Err(error) => answers.extend(requests.iter().map(|_| Err(error.clone()))),
        }
    }
}

/// A part of a batch that is under way.
struct Part<'a, R> {
    requests: &'a [R],
    bytes: usize,
    flight: Result<InFlight>,
}

/// Cuts the requests of one node into parts.
fn parts<R: Batched>(mut requests: &[R]) -> impl Iterator<Item = &[R]> {
    std::iter::from_fn(move || {
        let mut bytes = 0;
        let fits = |request: &&R| {
            bytes += request.bytes();
            bytes <= PART_BYTES
        };
        // A request larger than a part is a part of its own.
        let count = requests.iter().take(PART_REQUESTS).take_while(fits).count().max(1);
        let (part, rest) = requests.split_at_checked(count)?;
        requests = rest;
        Some(part)
    })
}

/// Awaits all futures side by side.
async fn join<F: Future>(futures: Vec<F>) -> Vec<F::Output> {
    let mut futures: Vec<Pin<Box<F>>> = futures.into_iter().map(Box::pin).collect();
    if let [only] = futures.as_mut_slice() {
        return vec![only.await];
    }
    let mut outputs: Vec<Option<F::Output>> = futures.iter().map(|_| None).collect();
    poll_fn(|cx| {
        let mut pending = false;
        for (future, output) in futures.iter_mut().zip(&mut outputs) {
            if output.is_none() {
                match future.as_mut().poll(cx) {
                    Poll::Ready(done) => *output = Some(done),
                    Poll::Pending => pending = true,
                }
            }
        }
        if pending { Poll::Pending } else { Poll::Ready(()) }
    })
    .await;
    outputs.into_iter().flatten().collect()
}
