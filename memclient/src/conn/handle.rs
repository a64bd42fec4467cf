use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Instant,
};

use tokio::sync::OwnedSemaphorePermit;

use super::{
    driver::Driver,
    machine::{Replies, Ticket},
    shared::{ConnectionOptions, Shared},
};
use crate::{
    error::{Delivery, Error, Result},
    net::Stream,
    proto::Request,
};

/// A connection that callers share. The last handle that is dropped ends it, once what is under way
/// is answered.
pub(crate) struct Connection {
    shared: Arc<Shared>,
}

impl Connection {
    /// Takes the stream over; its driver runs on the present runtime.
    pub(crate) fn spawn(stream: Stream, options: ConnectionOptions) -> Self {
        let shared = Arc::new(Shared::new(options));
        // The task ends by itself when the last handle is gone, and with the runtime at the latest.
        tokio::spawn(Driver::new(Arc::clone(&shared), stream));
        Self { shared }
    }

    /// Waits for room on the connection, for requests of so many bytes.
    ///
    /// Dropping the future gives the place in line up.
    pub(crate) async fn room(&self, bytes: usize) -> Result<OwnedSemaphorePermit> {
        self.shared.room(bytes).await.ok_or_else(|| Error::closed(Delivery::NotSent, None))
    }

    /// Puts a run of requests of one grammar on its way, whole.
    ///
    /// The driver keeps the deadline too: a server that leaves a request unanswered beyond it loses
    /// the connection.
    ///
    /// # Errors
    /// When the connection is closed: nothing was sent.
    pub(crate) fn send<R: Request>(
        &self,
        requests: &[R],
        deadline: Instant,
        room: OwnedSemaphorePermit,
    ) -> Result<InFlight> {
        let (ticket, driver) = {
            let mut machine = self.shared.machine();
            let ticket = machine.enqueue(requests, deadline, Some(room))?;
            (ticket, machine.wake_driver())
        };
        if let Some(driver) = driver {
            driver.wake();
        }
        Ok(InFlight { shared: Arc::clone(&self.shared), ticket: Some(ticket) })
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.shared.machine().is_closed()
    }

    /// Returns how many runs await their answer.
    pub(crate) fn in_flight(&self) -> usize {
        self.shared.machine().in_flight()
    }
}

impl Clone for Connection {
    fn clone(&self) -> Self {
        self.shared.add_handle();
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if self.shared.remove_handle() {
            let driver = self.shared.machine().wake_driver();
            if let Some(driver) = driver {
                driver.wake();
            }
        }
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("in_flight", &self.in_flight()).finish_non_exhaustive()
    }
}

/// The answer to a run that is under way. Dropping it costs nobody else anything: the answer is
/// read and thrown away when it comes.
pub(crate) struct InFlight {
    shared: Arc<Shared>,
    ticket: Option<Ticket>,
}

impl Future for InFlight {
    type Output = Result<Replies>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<Replies>> {
        let Some(ticket) = self.ticket else {
            return Poll::Ready(Err(Error::closed(Delivery::Unknown, None)));
        };
        let polled = self.shared.machine().poll_replies(ticket, cx.waker());
        if polled.is_ready() {
            self.ticket = None;
        }
        polled
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            self.shared.machine().abandon(ticket);
        }
    }
}
