//! Many requests at once: to their nodes, in pipelined parts, and the answers back in order.
//!
//! Of what does not go into the outcomes only the parts under way are held: a request is made when
//! there is room for it on the way to its node.

use std::{future::poll_fn, task::Poll};

use super::{
    Client,
    call::Call,
    outcomes::Outcomes,
    parts::{Answered, Part, Share, Sizes},
    requests::{Batched, Requests},
};
use crate::{
    error::{Delivery, Result},
    proto::Reply,
};

impl Client {
    /// Sends all requests that are valid and returns one outcome per request, in their order.
    pub(super) async fn batch<'a, E, H: Copy, R: Batched + 'a, T>(
        &'a self,
        command: &'static str,
        repeatable: bool,
        requests: Requests<'a, E, H, R>,
        read: impl Fn(Reply) -> Result<T>,
    ) -> Vec<Result<T>> {
        let (count, mut rest) = (requests.len(), requests.enumerate());
        let mut shares = self.shares(command, repeatable);
        let sizes = Sizes::of(count, shares.len());
        let mut outcomes = Outcomes::with_capacity(if sizes.taper() { count } else { 0 });
        loop {
            while takes_more(&shares)
                && let Some((place, request)) = rest.next()
            {
                match self.admit(request, &mut shares) {
                    Ok((share, request)) => {
                        share.push(place, request, || sizes.most(rest.len() + 1));
                        while rest.len() > 0
                            && share.is_open()
                            && let Some(part) = share.take_whole()
                        {
                            share.send(part, self.deadline()).await;
                        }
                    }
                    Err(error) => outcomes.put(place, Err(error.during(command))),
                }
            }
            let is_last = rest.len() == 0;
            if is_last && let Some((share, part)) = take_only(&mut shares) {
                let (ask, bytes) = (R::ask(&part.requests), share.bytes(&part));
                let replies = share.call.run(ask, bytes, self.deadline()).await;
                outcomes.put_all(share.call, &part, replies, &read);
                break;
            }
            for share in &mut shares {
                while (is_last || share.is_idle())
                    && share.is_open()
                    && let Some(part) = share.take()
                {
                    share.send(part, self.deadline()).await;
                }
            }
            let Some((share, (part, replies))) = answered(&mut shares).await else { break };
            let late = replies.as_ref().err().filter(|error| error.is_timeout()).cloned();
            outcomes.put_all(share.call, &part, replies, &read);
            if let Some(late) = late {
                let late = share.give_up(late.delivered(Delivery::NotSent));
                while let Some(part) = share.take() {
                    outcomes.put_same(&part, || Err(late.clone()));
                }
            }
        }
        outcomes.into_vec(count)
    }

    /// Sends all requests that are valid and does not wait for their answers; one outcome per
    /// request, in their order.
    pub(super) async fn send_batch<'a, E, H: Copy, R: Batched + 'a, T: Clone>(
        &'a self,
        command: &'static str,
        requests: Requests<'a, E, H, R>,
        sent: T,
    ) -> Vec<Result<T>> {
        let (count, mut rest) = (requests.len(), requests.enumerate());
        let mut shares = self.shares(command, false);
        let sizes = Sizes::of(count, shares.len());
        let mut outcomes = Outcomes::with_capacity(count);
        while let Some((place, request)) = rest.next() {
            match self.admit(request, &mut shares) {
                Ok((share, request)) => {
                    share.push(place, request, || sizes.most(rest.len() + 1));
                    while let Some(part) = share.take_whole() {
                        let outcome =
                            self.send_part(share.call, &part).await.map(|()| sent.clone());
                        outcomes.put_same(&part, || outcome.clone());
                    }
                }
                Err(error) => outcomes.put(place, Err(error.during(command))),
            }
        }
        for share in &mut shares {
            while let Some(part) = share.take() {
                let outcome = self.send_part(share.call, &part).await.map(|()| sent.clone());
                outcomes.put_same(&part, || outcome.clone());
            }
        }
        outcomes.into_vec(count)
    }

    async fn send_part<R: Batched>(&self, call: Call<'_>, part: &Part<R>) -> Result<()> {
        let ask = R::ask(&part.requests);
        call.send(ask, part.bytes(), self.deadline(), &self.0.tally).await
    }

    /// Returns a share for each node.
    fn shares<'a, R: Batched + 'a>(
        &'a self,
        command: &'static str,
        repeatable: bool,
    ) -> Vec<Share<'a, R>> {
        let nodes = self.0.cluster.nodes().iter();
        nodes.map(|node| Share::new(Call { command, node, repeatable })).collect()
    }

    /// Returns the share for a request.
    fn admit<'l, 'a, R: Batched>(
        &self,
        request: Result<R>,
        shares: &'l mut [Share<'a, R>],
    ) -> Result<(&'l mut Share<'a, R>, R)> {
        let request = request?;
        // There is a share for each node, and a place is that of a node.
        let share = &mut shares[self.0.cluster.place(&request.key().key)];
        match share.late() {
            Some(late) => Err(late.clone()),
            None => Ok((share, request)),
        }
    }
}

/// Says whether more requests may be made: where a node takes no more for now, what is to go there
/// would have to be held.
fn takes_more<'a, R: Batched + 'a>(shares: &[Share<'a, R>]) -> bool {
    let open = shares.iter().any(Share::is_open);
    open && !shares.iter().any(Share::has_whole)
}

/// Takes what is to be sent where that is one part, and nothing else is under way.
fn take_only<'l, 'a, R: Batched + 'a>(
    shares: &'l mut [Share<'a, R>],
) -> Option<(&'l mut Share<'a, R>, Part<R>)> {
    let mut busy = shares.iter_mut().filter(|share| !share.is_over());
    let share = busy.next()?;
    if busy.next().is_some() {
        return None;
    }
    let part = share.take_only()?;
    Some((share, part))
}

/// Returns a part that is answered, once there is one, and its share; `None` where none is under way.
async fn answered<'l, 'a, R: Batched + 'a>(
    shares: &'l mut [Share<'a, R>],
) -> Option<(&'l mut Share<'a, R>, Answered<R>)> {
    if shares.iter().all(Share::is_idle) {
        return None;
    }
    let (place, answered) = poll_fn(|cx| {
        let mut polled = shares.iter_mut().map(|share| share.poll_answered(cx)).enumerate();
        let answered = polled.find_map(|(place, answered)| match answered {
            Poll::Ready(answered) => Some((place, answered)),
            Poll::Pending => None,
        });
        answered.map_or(Poll::Pending, Poll::Ready)
    })
    .await;
    Some((shares.get_mut(place)?, answered))
}
