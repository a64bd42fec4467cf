//! One simulation: a server, a network, a client, and what the tasks around it know.

use std::{
    cell::Cell,
    fmt::Debug,
    future::Future,
    pin::{Pin, pin},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use fastrand::Rng;
use tokio::time::{Instant, sleep};

use super::{history::History, log::Log, network::Network, server::Server};
use crate::{Client, Error, error::Delivery};

/// How late a call may end, by a clock that only waiting moves: a tick of the watch, and another
/// behind a call that has up to a tick more time.
const LATE: Duration = Duration::from_millis(25);

/// How long after a fault every call must do again.
pub(super) const RECOVERY: Duration = Duration::from_millis(250);

pub(super) struct World {
    pub(super) log: Log,
    pub(super) network: Network,
    pub(super) server: Server,
    pub(super) client: Client,
    pub(super) timeout: Duration,
    pub(super) max_pool_size: usize,
    history: Mutex<History>,
    weather: Mutex<Calm>,
    pub(super) calls: AtomicU64,
    /// How often the server has lost everything.
    pub(super) incarnation: AtomicU64,
}

/// How long nothing has gone wrong.
enum Calm {
    Since(Instant),
    Fault,
}

/// How a call ended that may be left.
pub(super) enum Ended<T> {
    Done(T),
    Failed(Error),
    Left,
}

impl World {
    pub(super) fn new(
        log: Log,
        network: Network,
        server: Server,
        client: Client,
        timeout: Duration,
        max_pool_size: usize,
    ) -> Arc<Self> {
        Arc::new(Self {
            log,
            network,
            server,
            client,
            timeout,
            max_pool_size,
            history: Mutex::default(),
            weather: Mutex::new(Calm::Since(Instant::now())),
            calls: AtomicU64::new(0),
            incarnation: AtomicU64::new(0),
        })
    }

    pub(super) fn history(&self) -> MutexGuard<'_, History> {
        self.history.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that something goes wrong from now on.
    pub(super) fn begin_fault(&self) {
        *self.weather.lock().unwrap_or_else(PoisonError::into_inner) = Calm::Fault;
    }

    pub(super) fn end_fault(&self) {
        *self.weather.lock().unwrap_or_else(PoisonError::into_inner) = Calm::Since(Instant::now());
    }

    /// Says whether nothing has gone wrong from shortly before this moment on.
    fn is_calm_since(&self, moment: Instant) -> bool {
        match *self.weather.lock().unwrap_or_else(PoisonError::into_inner) {
            Calm::Fault => false,
            Calm::Since(calm) => calm + RECOVERY <= moment,
        }
    }

    /// Makes a call, which may be left on the way, and holds its end against its deadline. Returns
    /// with it when it began and ended.
    pub(super) async fn call<T: Debug>(
        &self,
        what: &str,
        rng: &mut Rng,
        call: impl Future<Output = Result<T, Error>>,
    ) -> (Ended<T>, u64, u64) {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let scars = self.network.unnoticed();
        let (start, began) = (Instant::now(), self.log.note(format_args!("call {what}")));
        let ended = match Patience::of(rng).wait(call).await {
            None => Ended::Left,
            Some(Ok(value)) => Ended::Done(value),
            Some(Err(error)) => {
                let is_calm = self.is_calm_since(start) && scars == 0;
                assert!(!is_calm, "{what} failed while nothing was wrong: {error}");
                Ended::Failed(error)
            }
        };
        let took = start.elapsed();
        assert!(took <= self.timeout + LATE, "{what} ended after {took:?}");
        let end = match &ended {
            Ended::Done(value) => self.log.note(format_args!("{what} is {value:?}")),
            Ended::Failed(error) => self.log.note(format_args!("{what} failed: {error}")),
            Ended::Left => self.log.note(format_args!("{what} is left")),
        };
        (ended, began, end)
    }

    /// Makes a write that leaves this under the key, and remembers it.
    pub(super) async fn write<T: Debug>(
        &self,
        key: &str,
        value: Option<&str>,
        rng: &mut Rng,
        call: impl Future<Output = Result<T, Error>>,
        took_effect: impl FnOnce(&T) -> bool,
    ) -> Ended<T> {
        let now = self.log.note(format_args!("write {key} {value:?}"));
        let pending = self.history().begin(key, value, now);
        let (ended, _, end) = self.call("write", rng, call).await;
        match &ended {
            Ended::Done(done) if took_effect(done) => {
                self.history().took_effect(key, pending, end);
            }
            Ended::Done(_) => self.history().had_none(key, pending),
            Ended::Failed(error)
                if matches!(error.delivery(), Delivery::NotSent | Delivery::Refused) =>
            {
                self.history().had_none(key, pending);
            }
            Ended::Failed(_) | Ended::Left => {}
        }
        ended
    }

    /// Makes the connections count.
    pub(super) fn check_pool(&self) {
        let (most, _) = self.network.open();
        let limit = self.max_pool_size;
        assert!(most <= limit, "{most} connections where {limit} are allowed");
    }
}

/// How long a caller waits.
pub(super) enum Patience {
    Endless,
    Polls(u32),
    Time(Duration),
}

impl Patience {
    pub(super) fn of(rng: &mut Rng) -> Self {
        match rng.u8(..10) {
            0 => Self::Polls(rng.u32(..6)),
            1 => Self::Time(Duration::from_micros(rng.u64(..40_000))),
            _ => Self::Endless,
        }
    }

    /// Waits for the future; `None` if it is given up.
    pub(super) async fn wait<F: Future>(self, future: F) -> Option<F::Output> {
        match self {
            Self::Endless => Some(future.await),
            Self::Polls(polls) => FewPolls { future: pin!(future), left: Cell::new(polls) }.await,
            Self::Time(time) => {
                let mut future = pin!(future);
                let mut over = pin!(sleep(time));
                std::future::poll_fn(|cx| {
                    if let Poll::Ready(output) = future.as_mut().poll(cx) {
                        return Poll::Ready(Some(output));
                    }
                    over.as_mut().poll(cx).map(|()| None)
                })
                .await
            }
        }
    }
}

/// A future that is given up after so many polls.
struct FewPolls<'a, F> {
    future: Pin<&'a mut F>,
    left: Cell<u32>,
}

impl<F: Future> Future for FewPolls<'_, F> {
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if self.left.get() == 0 {
            return Poll::Ready(None);
        }
        self.left.set(self.left.get() - 1);
        match self.future.as_mut().poll(cx) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending if self.left.get() == 0 => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    }
}
