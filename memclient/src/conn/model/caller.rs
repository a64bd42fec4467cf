use std::{
    future::poll_fn,
    pin::pin,
    sync::Arc,
    task::{Context, Poll},
    time::Instant,
};

use super::random;
use crate::{
    conn::{Ask, Connection, InFlight, Replies, Tally},
    error::Result,
    proto::{Answer, Reply, WireKey, command::Get},
};

/// About how long a small request is.
const BYTES: usize = 10;

/// A caller with a handle of its own, who knows what the server must answer.
pub(super) struct Caller {
    pub(super) connection: Connection,
    pub(super) deadline: Instant,
}

impl Caller {
    pub(super) async fn get(&self, key: &str) {
        self.get_many(&[key]).await;
    }

    pub(super) async fn get_many(&self, keys: &[&str]) {
        self.try_get_many(keys).await.unwrap();
    }

    /// Asks for a value with a request that cannot be gathered.
    pub(super) async fn run(&self, key: &str) {
        let request = Get { key: WireKey::bare(key), details: false, usage: false };
        let flight = self.send_ask(Ask::Run(&[request])).await.unwrap();
        assert_answers(&[key], flight.await.unwrap());
    }

    /// Asks for a value and leaves the answer to the tally.
    pub(super) async fn leave(&self, key: &str, tally: &Arc<Tally>) {
        let request = Get { key: WireKey::bare(key), details: false, usage: false };
        let flight = self.send_ask(Ask::Run(&[request])).await.unwrap();
        flight.leave(tally.begin(1));
    }

    pub(super) async fn try_get(&self, key: &str) -> Result<()> {
        self.try_get_many(&[key]).await
    }

    async fn try_get_many(&self, keys: &[&str]) -> Result<()> {
        let wire_keys: Vec<WireKey<'_>> = keys.iter().map(|key| WireKey::bare(key)).collect();
        let ask = Ask::<Get<'_>>::Values(&wire_keys);
        let send = |cx: &mut Context<'_>| {
            let waker = Some(cx.waker());
            Poll::Ready(self.connection.send(ask, BYTES, false, self.deadline, waker))
        };
        let flight = match poll_fn(send).await? {
            Some(flight) => flight,
            None => self.send_when_room(ask).await?,
        };
        assert_answers(keys, flight.await?);
        Ok(())
    }

    /// Asks for a value; what is returned awaits the answer.
    pub(super) async fn send(&self, key: &'static str) -> impl Future<Output = ()> + use<> {
        let answer = self.try_send(key).await.unwrap();
        async { answer.await.unwrap() }
    }

    pub(super) async fn try_send(
        &self,
        key: &'static str,
    ) -> Result<impl Future<Output = Result<()>> + use<>> {
        let flight = self.send_ask(Ask::<Get<'_>>::Values(&[WireKey::bare(key)])).await?;
        Ok(async move {
            assert_answers(&[key], flight.await?);
            Ok(())
        })
    }

    async fn send_ask(&self, ask: Ask<'_, Get<'_>>) -> Result<InFlight> {
        if let Some(flight) = self.connection.send(ask, BYTES, false, self.deadline, None)? {
            return Ok(flight);
        }
        self.send_when_room(ask).await
    }

    async fn send_when_room(&self, ask: Ask<'_, Get<'_>>) -> Result<InFlight> {
        self.connection.send_when_room(ask, BYTES, false, self.deadline).await
    }
}

/// Awaits the call, or drops it after a few polls.
pub(super) async fn unless_dropped<T>(call: impl Future<Output = T>) {
    let mut left = random(3);
    let mut call = pin!(call);
    poll_fn(|cx| {
        if left == 0 {
            return Poll::Ready(());
        }
        left -= 1;
        if call.as_mut().poll(cx).is_ready() {
            return Poll::Ready(());
        }
        if left == 0 {
            // Others get a turn before it is dropped.
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    })
    .await;
}

#[track_caller]
fn assert_answers(keys: &[&str], replies: Replies) {
    let replies = match replies {
        Replies::One(reply) => vec![reply],
        Replies::Many(replies) => replies.into_iter().collect(),
    };
    let values = replies.into_iter().map(|reply| match reply {
        Reply::Item(item) => item.map(|(_, data)| data),
        Reply::Answer(Answer { data, .. }) => data,
        reply => panic!("no value: {reply:?}"),
    });
    let values: Vec<_> = values.collect();
    let expected: Vec<_> = keys.iter().map(|key| super::server::value(key)).collect();
    assert_eq!(values, expected, "the values of {keys:?}");
}
