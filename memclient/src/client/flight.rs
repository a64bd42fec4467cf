//! A call under way, whose answer may make its caller the one who is to refresh an item.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use tokio::runtime::Handle;

use super::give_back::give_back;
use crate::{
    clock::now,
    conn::{Ask, InFlight, Replies},
    error::{Delivery, Error, Result},
    pool::Pool,
    proto::{Reply, Request, WireKey},
    wire::Key,
};

/// How long it may take to give back what a caller did not wait for.
const GIVING_BACK: Duration = Duration::from_secs(1);

/// The answer to a call that is under way. Dropping it costs nobody anything: the answer is read, and
/// what it would have given to the caller goes back.
pub(super) struct Flight<'a, R: Request> {
    node: &'a Pool,
    ask: Ask<'a, R>,
    deadline: Instant,
    inner: Option<InFlight>,
    /// Why it never went on its way.
    failure: Option<Error>,
    /// Whether it ends where something large comes before its answer.
    steps_aside: bool,
}

impl<'a, R: Request> Flight<'a, R> {
    /// Takes over what was started. What `steps_aside` ends as if its connection were lost where a large
    /// reply to somebody else comes before its answer: it is answered sooner on another one.
    #[inline]
    pub(super) fn new(
        node: &'a Pool,
        ask: Ask<'a, R>,
        deadline: Instant,
        started: Result<InFlight>,
        steps_aside: bool,
    ) -> Self {
        let (inner, failure) = match started {
            Ok(flight) => (Some(flight), None),
            Err(error) => (None, Some(error)),
        };
        Self { node, ask, deadline, inner, failure, steps_aside }
    }

    /// Returns the requests whose answers must not be lost.
    fn winners(&self) -> Option<&'a [R]> {
        match self.ask {
            Ask::Run(requests) if requests.first()?.may_win() => Some(requests),
            // Gathered gets win nothing. What a lone one won, and nobody waits for, is left to end
            // with the item: it is not worth keeping every dropped `get` under way.
            Ask::Run(_) | Ask::Values(_) => None,
        }
    }
}

impl<R: Request> Future for Flight<'_, R> {
    type Output = Result<Replies>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<Replies>> {
        let (steps_aside, node) = (self.steps_aside, self.node);
        let Some(flight) = &mut self.inner else {
            let closed = || Error::closed(Delivery::Unknown, None);
            return Poll::Ready(Err(self.failure.take().unwrap_or_else(closed)));
        };
        let polled = Pin::new(&mut *flight).poll(cx);
        // What comes after its time is given back all the same.
        if polled.is_ready() && !flight.is_under_way() {
            self.inner = None;
        } else if polled.is_pending()
            && steps_aside
            && flight.is_behind_large()
            && node.may_be_unobstructed()
        {
            self.inner = None;
            // Whether the server comes to a read or not is all the same.
            return Poll::Ready(Err(Error::closed(Delivery::NotSent, None)));
        }
        polled
    }
}

impl<R: Request> Drop for Flight<'_, R> {
    fn drop(&mut self) {
        let Some(flight) = self.inner.take() else { return };
        let Some(requests) = self.winners() else { return };
        // Without a runtime, or in one that ends, nobody could wait; the right is then lost as that
        // of any holder who is.
        let Ok(runtime) = Handle::try_current() else { return };
        let keys = requests.iter().filter_map(Request::key);
        let keys: Vec<(Box<[u8]>, Key)> =
            keys.map(|key| (key.prefix.into(), key.key.to_key())).collect();
        let node = self.node.clone();
        let deadline = self.deadline.max(now()) + GIVING_BACK;
        runtime.spawn(async move {
            let replies = match flight.await {
                Ok(Replies::One(reply)) => vec![reply],
                Ok(Replies::Many(replies)) => replies.into_iter().collect(),
                Err(_) => return,
            };
            for ((prefix, key), reply) in keys.iter().zip(&replies) {
                if let Reply::Answer(answer) = reply {
                    let key = WireKey { prefix, key: key.borrowed() };
                    give_back(&node, key, answer, deadline).await;
                }
            }
        });
    }
}
