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
    cluster::Share,
    conn::Replies,
    error::{Error, Result},
    proto::{Reply, Request},
    wire::KeyRef,
};

/// How many requests and bytes go into one part: enough to fill a write, few enough that the
/// answers begin to come while the next part is on its way.
const PART_REQUESTS: usize = 256;
const PART_BYTES: usize = 128 * 1024;

/// How many parts of one batch may be under way on one node.
const WINDOW: usize = 8;

/// One request of a batch.
pub(super) struct Entry<'a, R> {
    /// The key that decides the node.
    pub(super) key: KeyRef<'a>,
    /// About how many bytes the request has.
    pub(super) bytes: usize,
    pub(super) request: R,
}

impl Client {
    /// Sends all requests that are valid and returns one outcome per entry, in their order.
    pub(super) async fn batch<R: Request + Copy + Send + Sync, T: Send>(
        &self,
        command: &'static str,
        repeatable: bool,
        entries: Vec<Result<Entry<'_, R>>>,
        read: impl Fn(Reply) -> Result<T> + Sync,
    ) -> Vec<Result<T>> {
        let valid = || {
            entries
                .iter()
                .enumerate()
                .filter_map(|(place, entry)| Some((place, entry.as_ref().ok()?)))
        };
        let places: Vec<usize> = valid().map(|(place, _)| place).collect();
        let shares = self.0.cluster.scatter(valid().map(|(_, entry)| entry.key.as_bytes()));
        let answers = join(shares.iter().map(|share| {
            let call = Call { command, node: &self.0.cluster.nodes()[share.node], repeatable };
            let (places, entries) = (&places, &entries);
            let requests =
                share.keys.iter().filter_map(|&key| entries.get(*places.get(key)?)?.as_ref().ok());
            self.share(call, requests.collect())
        }))
        .await;
        let mut outcomes: Vec<Option<Result<T>>> = entries
            .into_iter()
            .map(|entry| entry.err().map(|error| Err(error.during(command))))
            .collect();
        for (Share { node, keys }, answers) in shares.iter().zip(answers) {
            let call = Call { command, node: &self.0.cluster.nodes()[*node], repeatable };
            for (key, answer) in keys.iter().zip(answers) {
                let outcome = places.get(*key).and_then(|&place| outcomes.get_mut(place));
                if let Some(outcome) = outcome {
                    *outcome = Some(answer.and_then(&read).map_err(|error| call.blame(error)));
                }
            }
        }
        let missing = || Err(Error::protocol("a request of a batch has no answer"));
        outcomes.into_iter().map(|outcome| outcome.unwrap_or_else(missing)).collect()
    }

    /// Runs the requests of one node, several parts under way at a time; one answer per request.
    async fn share<R: Request + Copy>(
        &self,
        call: Call<'_>,
        entries: Vec<&Entry<'_, R>>,
    ) -> Vec<Result<Reply>> {
        let mut answers = Vec::with_capacity(entries.len());
        let mut flying = VecDeque::with_capacity(WINDOW);
        for part in parts(&entries) {
            if flying.len() == WINDOW {
                self.land(call, &mut flying, &mut answers).await;
            }
            let deadline = self.deadline();
            let requests: Vec<R> = part.iter().map(|entry| entry.request).collect();
            let bytes = part.iter().map(|entry| entry.bytes + OVERHEAD).sum();
            let flight = call.start(&requests, bytes, deadline).await;
            flying.push_back((requests, bytes, deadline, flight));
        }
        while !flying.is_empty() {
            self.land(call, &mut flying, &mut answers).await;
        }
        answers
    }

    /// Awaits the part that was sent first.
    async fn land<R: Request>(
        &self,
        call: Call<'_>,
        flying: &mut VecDeque<(Vec<R>, usize, std::time::Instant, Result<crate::conn::InFlight>)>,
        answers: &mut Vec<Result<Reply>>,
    ) {
        let Some((requests, bytes, deadline, flight)) = flying.pop_front() else {
            return;
        };
        let replies = match flight {
            Ok(flight) => call.finish(flight, deadline).await,
            Err(error) => Err(error),
        };
        let replies = match replies {
            Err(error) if call.may_repeat(&error) => {
                call.run(&requests, bytes, self.deadline()).await
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

/// Cuts the requests of one node into parts.
fn parts<'e, 'k, R>(
    mut entries: &'e [&'e Entry<'k, R>],
) -> impl Iterator<Item = &'e [&'e Entry<'k, R>]> {
    std::iter::from_fn(move || {
        let mut bytes = 0;
        let fits = |entry: &&&Entry<'k, R>| {
            bytes += entry.bytes + OVERHEAD;
            bytes <= PART_BYTES
        };
        // A request larger than a part is a part of its own.
        let count = entries.iter().take(PART_REQUESTS).take_while(fits).count().max(1);
        let (part, rest) = entries.split_at_checked(count)?;
        entries = rest;
        Some(part)
    })
}

/// Awaits all futures side by side.
async fn join<F: Future>(futures: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut futures: Vec<Pin<Box<F>>> = futures.map(Box::pin).collect();
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
