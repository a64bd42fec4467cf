//! The right to refresh an item, given back where the server gave it to somebody who did not want it.
//!
//! Whoever reads a stale item first with a meta command is thereby made the one who refreshes it, and
//! nobody else is asked before the item expires. A read that was not meant so, or whose caller has
//! left, gives the right back: the next reader gets it. Until then, for the time of one round trip,
//! others are told that somebody has it.

use std::time::Instant;

use tokio::time::timeout_at;

use crate::{
    conn::{Ask, Replies},
    error::{Delivery, Error, Result, Step},
    pool::Pool,
    proto::{
        Answer, Reply, Request, Status, WireKey,
        command::{Marks, Release},
    },
    wire::CasToken,
};

/// Gives back what the answer to a read gave, if it gave anything.
///
/// Nothing is said of whether it could be: the right then ends with the item, as that of any holder
/// who is lost.
pub(super) async fn give_back(node: &Pool, key: WireKey<'_>, answer: &Answer, deadline: Instant) {
    if !answer.is_won() {
        return;
    }
    // What was marked stale stays so.
    let stub = answer.is_stub() && !answer.stale;
    let cas = match answer.cas {
        Some(cas) => Some(cas),
        None => version_of_stale(node, key, deadline).await,
    };
    if let Some(cas) = cas {
        let released = ask(node, Release { key, cas, stub }, deadline).await;
        drop(released);
    }
}

/// Returns the version of an item, if it is still stale.
async fn version_of_stale(node: &Pool, key: WireKey<'_>, deadline: Instant) -> Option<CasToken> {
    match ask(node, Marks { key }, deadline).await {
        Ok(Reply::Answer(Answer { status: Status::Done, stale: true, cas, .. })) => cas,
        _ => None,
    }
}

async fn ask(node: &Pool, request: impl Request, deadline: Instant) -> Result<Reply> {
    let request = [request];
    let bytes = request[0].key().map_or(0, |key| key.len());
    let connection = node.connection(deadline).await?;
    let room = connection.send_when_room(Ask::Run(&request), bytes, false, deadline);
    let flight = match timeout_at(deadline.into(), room).await {
        Ok(flight) => flight?,
        Err(_) => return Err(Error::timeout(Step::Queue, Delivery::NotSent)),
    };
    match flight.await? {
        Replies::One(reply) => Ok(reply),
        Replies::Many(_) => Err(Error::protocol("one request had several replies")),
    }
}
