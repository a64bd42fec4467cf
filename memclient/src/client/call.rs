//! One call: a connection, room on it, the request, the answer, within one deadline.

use std::time::Instant;

use tokio::time::timeout_at;

use super::Client;
use crate::{
    conn::{Connection, InFlight, Replies},
    error::{Delivery, Error, Result, Step},
    pool::Pool,
    proto::{MetaReply, Reply, Request},
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
    /// Sends a run of requests and returns their replies.
    ///
    /// A connection that turns out to be dead costs a second try, on a fresh one, where that cannot
    /// do a thing twice.
    pub(super) async fn run<R: Request>(
        &self,
        requests: &[R],
        bytes: usize,
        deadline: Instant,
    ) -> Result<Replies> {
        let first = match self.start(requests, bytes, deadline).await {
            Ok(flight) => self.finish(flight, deadline).await,
            Err(error) => Err(error),
        };
        match first {
            Err(error) if self.may_repeat(&error) => {
                let flight = self.start(requests, bytes, deadline).await?;
                self.finish(flight, deadline).await
            }
            outcome => outcome,
        }
    }

    /// Puts a run of requests on its way.
    pub(super) async fn start<R: Request>(
        &self,
        requests: &[R],
        bytes: usize,
        deadline: Instant,
    ) -> Result<InFlight> {
        let start = async {
            let connection = self.node.connection(deadline).await?;
            let room = match timeout_at(deadline.into(), connection.room(bytes)).await {
                Ok(room) => room?,
                Err(_) => return Err(Error::timeout(Step::Queue, Delivery::NotSent)),
            };
            Connection::send(&connection, requests, deadline, room)
        };
        start.await.map_err(|error| self.blame(error))
    }

    /// Awaits the replies to a run.
    pub(super) async fn finish(&self, flight: InFlight, deadline: Instant) -> Result<Replies> {
        match timeout_at(deadline.into(), flight).await {
            Ok(replies) => replies,
            Err(_) => Err(Error::timeout(Step::Reply, Delivery::Unknown)),
        }
        .map_err(|error| self.blame(error))
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
    /// Runs one meta request on the node of its key.
    pub(super) async fn meta<R: Request>(
        &self,
        call: Call<'_>,
        request: R,
        bytes: usize,
    ) -> Result<MetaReply> {
        let replies =
            call.run(std::slice::from_ref(&request), bytes + OVERHEAD, self.deadline()).await?;
        meta_reply(one(replies)?).map_err(|error| call.blame(error))
    }
}

/// Returns the reply to a run of one.
pub(super) fn one(replies: Replies) -> Result<Reply> {
    match replies {
        Replies::One(reply) => Ok(reply),
        Replies::Many(_) => Err(Error::protocol("one request had several replies")),
    }
}

/// Returns the reply to a meta request, or the server's refusal as an error.
pub(super) fn meta_reply(reply: Reply) -> Result<MetaReply> {
    match reply {
        Reply::Meta(reply) => Ok(reply),
        Reply::Refused(refusal) => Err(refusal.into()),
        Reply::Line(line) => Err(unexpected(&line)),
    }
}

/// The grammar of every request keeps such a reply out; this is the answer should it ever not.
pub(super) fn unexpected(reply: &impl std::fmt::Debug) -> Error {
    Error::protocol(format!("a reply of another command: {reply:?}"))
}
