//! One call: a connection, room on it, the request, the answer, within one deadline.

use std::{
    future::poll_fn,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Instant,
};

use tokio::time::timeout_at;

use super::{Client, flight::Flight};
use crate::{
    conn::{Ask, Connection, InFlight, Replies, Tally},
    error::{Delivery, Error, Result, Step},
    pool::{Pool, Size},
    proto::{Answer, Reply, Request, Status, WireKey},
};

/// A few bytes of flags and opaque beside the key and the data of a request.
pub(super) const OVERHEAD: usize = 64;

/// What a call is, beside its requests.
#[derive(Clone, Copy)]
pub(super) struct Call<'a> {
    pub(super) command: &'static str,
    pub(super) node: &'a Pool,
    /// Whether the command may be sent a second time when a connection was lost with the answer to
    /// the first.
    pub(super) repeatable: bool,
}

impl Call<'_> {
    /// Sends what is asked for and returns the replies.
    ///
    /// A connection that turns out to be dead costs another try, on another one, where that cannot
    /// do a thing twice; and so does one on which a large reply comes before that to a small read.
    /// What is rare is boxed, so that the common future stays small.
    pub(super) async fn run<R: Request>(
        &self,
        ask: Ask<'_, R>,
        bytes: usize,
        deadline: Instant,
    ) -> Result<Replies> {
        let steps_aside = Self::steps_aside(ask, bytes);
        let start = |cx: &mut Context<'_>| {
            Poll::Ready(self.start_now(ask, bytes, deadline, Some(cx.waker())))
        };
        // Replies are returned where they come: kept past another `await` they would be moved again.
        let error = match poll_fn(start).await {
            Ok(Some(flight)) => {
                match Flight::new(self.node, ask, deadline, Ok(flight), steps_aside).await {
                    Ok(replies) => return Ok(replies),
                    Err(error) => error,
                }
            }
            Ok(None) => match Box::pin(self.try_once(ask, bytes, deadline, steps_aside)).await {
                Ok(replies) => return Ok(replies),
                Err(error) => error,
            },
            Err(error) => error,
        };
        if self.may_repeat(&error) {
            return Box::pin(self.run_again(ask, bytes, deadline)).await;
        }
        Err(self.blame(error))
    }

    /// Puts on its way what is asked for, and leaves the answers to the tally.
    ///
    /// A connection that had died unnoticed shows it at once, and costs another try.
    pub(super) async fn send<R: Request>(
        &self,
        ask: Ask<'_, R>,
        bytes: usize,
        deadline: Instant,
        tally: &Arc<Tally>,
    ) -> Result<()> {
        let mut tries = self.node.max_connections();
        loop {
            let lost = match self.start(ask, bytes, deadline).await {
                Ok(mut flight) => match flight.take_failure() {
                    None => {
                        flight.leave(tally.begin(ask.len()));
                        return Ok(());
                    }
                    Some(error) => error,
                },
                Err(error) => error,
            };
            if tries == 0 || !self.may_repeat(&lost) {
                return Err(self.blame(lost));
            }
            tries -= 1;
        }
    }

    /// Puts on its way what is asked for.
    pub(super) async fn start<R: Request>(
        &self,
        ask: Ask<'_, R>,
        bytes: usize,
        deadline: Instant,
    ) -> Result<InFlight> {
        match self.start_now(ask, bytes, deadline, None) {
            Ok(None) => Box::pin(self.start_later(ask, bytes, deadline)).await,
            Ok(Some(flight)) => Ok(flight),
            Err(error) => Err(error),
        }
    }

    /// Puts on its way what is asked for, if there is an open connection with room for it. A `waker`
    /// is that of a task that polls the result before it returns, which saves the first look.
    pub(super) fn start_now<R: Request>(
        &self,
        ask: Ask<'_, R>,
        bytes: usize,
        deadline: Instant,
        waker: Option<&Waker>,
    ) -> Result<Option<InFlight>> {
        let size = Size::of(ask.len(), bytes);
        let large = size != Size::Small;
        let send = |connection: &Connection| connection.send(ask, bytes, large, deadline, waker);
        self.node.with_open(size, send).unwrap_or(Ok(None))
    }

    /// Opens a connection or waits for room on one, and puts on its way what is asked for.
    async fn start_later<R: Request>(
        &self,
        ask: Ask<'_, R>,
        bytes: usize,
        deadline: Instant,
    ) -> Result<InFlight> {
        let connection = self.node.connection(deadline).await?;
        let large = Size::of(ask.len(), bytes) != Size::Small;
        let room = connection.send_when_room(ask, bytes, large, deadline);
        match timeout_at(deadline.into(), room).await {
            Ok(flight) => flight,
            Err(_) => Err(Error::timeout(Step::Queue, Delivery::NotSent)),
        }
    }

    async fn run_again<R: Request>(
        &self,
        ask: Ask<'_, R>,
        bytes: usize,
        deadline: Instant,
    ) -> Result<Replies> {
        // A server that restarted has ended every connection of the pool, and none of them tells
        // before it is tried.
        for _ in 1..self.node.max_connections() {
            self.node.unobstructed(deadline).await;
            match self.try_once(ask, bytes, deadline, Self::steps_aside(ask, bytes)).await {
                Err(error) if error.is_closed() && error.is_retryable() => {}
                outcome => return outcome.map_err(|error| self.blame(error)),
            }
        }
        self.try_once(ask, bytes, deadline, false).await.map_err(|error| self.blame(error))
    }

    /// Says whether the call is to be sent again where something large comes before its answer: a
    /// small read, which changes nothing when the server comes to it after all.
    fn steps_aside<R>(ask: Ask<'_, R>, bytes: usize) -> bool {
        matches!(ask, Ask::Values(keys) if Size::of(keys.len(), bytes) == Size::Small)
    }

    async fn try_once<R: Request>(
        &self,
        ask: Ask<'_, R>,
        bytes: usize,
        deadline: Instant,
        steps_aside: bool,
    ) -> Result<Replies> {
        let started = self.start(ask, bytes, deadline).await;
        Flight::new(self.node, ask, deadline, started, steps_aside).await
    }

    /// Returns about how many bytes a request for a key moves, in both directions.
    pub(super) fn bytes(&self, key: &WireKey<'_>) -> usize {
        key.len() + self.node.expected_size(&key.key)
    }

    /// Notes how large the value of a key turned out to be.
    #[inline]
    pub(super) fn note(&self, key: &WireKey<'_>, reply: &Reply) {
        if let Some(data) = reply.data() {
            self.node.note_size(&key.key, data.len());
        }
    }

    /// Says whether a call that failed so may be tried again.
    pub(super) fn may_repeat(&self, error: &Error) -> bool {
        error.is_closed() && (self.repeatable || error.delivery() == Delivery::NotSent)
    }

    /// Returns the error with what is known of the call.
    pub(super) fn blame(&self, error: Error) -> Error {
        error.during(self.command).at(self.node.name())
    }
}

impl Client {
    /// Runs one request on the node of its key.
    pub(super) async fn ask<R: Request>(
        &self,
        call: Call<'_>,
        request: &R,
        bytes: usize,
    ) -> Result<Answer> {
        let ask = Ask::Run(std::slice::from_ref(request));
        let replies = call.run(ask, bytes + OVERHEAD, self.deadline()).await?;
        one(replies).and_then(answer).map_err(|error| call.blame(error))
    }

    /// Sends one request to the node of its key and does not wait for its answer.
    pub(super) async fn send<R: Request>(
        &self,
        call: Call<'_>,
        request: R,
        bytes: usize,
    ) -> Result<()> {
        let ask = Ask::Run(std::slice::from_ref(&request));
        call.send(ask, bytes + OVERHEAD, self.deadline(), &self.0.tally).await
    }
}

/// Returns the reply to a run of one.
#[inline]
pub(super) fn one(replies: Replies) -> Result<Reply> {
    match replies {
        Replies::One(reply) => Ok(reply),
        Replies::Many(_) => Err(Error::protocol("one request had several replies")),
    }
}

/// Returns what a command came to, or the server's refusal as an error.
pub(super) fn answer(reply: Reply) -> Result<Answer> {
    match reply {
        Reply::Answer(answer) => Ok(answer),
        Reply::Item(None) => Ok(Answer::of(Status::Miss)),
        Reply::Item(Some((flags, data))) => {
            Ok(Answer { flags, data: Some(data), ..Answer::of(Status::Value) })
        }
        Reply::Refused(refusal) => Err(refusal.into()),
        reply => Err(unexpected(&reply)),
    }
}

/// The grammar of every request keeps such a reply out; this is the answer should it ever not.
pub(super) fn unexpected(reply: &impl std::fmt::Debug) -> Error {
    Error::protocol(format!("a reply of another command: {reply:?}"))
}
