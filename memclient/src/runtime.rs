//! How synchronous code runs this crate's futures: on the calling thread, with a runtime of our own
//! behind it.
//!
//! A synchronous function may be called from anywhere, also from inside a task of a single-threaded
//! runtime, whose other tasks stand still meanwhile. Whatever has to move for the call to end must
//! therefore not live on the caller's runtime: under [`Executor::block_on`] the present runtime is
//! the one that a thread of this crate drives, and pools open connections for each runtime anew.

use std::{
    future, io,
    pin::pin,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    task::{Context, Poll, Wake, Waker},
    thread::{self, Thread},
};

use tokio::{
    runtime::{Builder, Handle},
    task::unconstrained,
};

static HANDLE: OnceLock<Handle> = OnceLock::new();
static STARTING: Mutex<()> = Mutex::new(());

#[cfg(all(test, not(shuttle)))]
thread_local! {
    static STAND_IN: std::cell::Cell<Option<Executor>> = const { std::cell::Cell::new(None) };
}

/// Runs futures on the calling thread.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Executor(&'static Handle);

impl Executor {
    /// Returns the executor, starting its thread at the first call.
    ///
    /// # Errors
    /// When the system refuses the thread that drives the connections; a later call tries again.
    pub(crate) fn get() -> io::Result<Self> {
        #[cfg(all(test, not(shuttle)))]
        if let Some(executor) = STAND_IN.get() {
            return Ok(executor);
        }
        if let Some(handle) = HANDLE.get() {
            return Ok(Self(handle));
        }
        let _starting = STARTING.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(handle) = HANDLE.get() {
            return Ok(Self(handle));
        }
        let handle = start()?;
        Ok(Self(HANDLE.get_or_init(|| handle)))
    }

    /// Has a simulation's own runtime stand in for the thread, for what this thread asks for.
    #[cfg(all(test, not(shuttle)))]
    pub(crate) fn stand_in(runtime: Option<Handle>) {
        STAND_IN.set(runtime.map(|runtime| Self(Box::leak(Box::new(runtime)))));
    }

    /// Runs a task on this crate's thread, for as long as the process lives.
    pub(crate) fn spawn(self, task: impl Future<Output = ()> + Send + 'static) {
        self.0.spawn(task);
    }

    /// Runs a future to its end on this thread.
    pub(crate) fn block_on<F: Future>(self, future: F) -> F::Output {
        // On a task of somebody's runtime that task's budget would run out, and with it every
        // socket: the task does not return to its runtime before this call ends.
        let mut future = pin!(unconstrained(future));
        let unpark = Arc::new(Unpark { thread: thread::current(), woken: AtomicBool::new(false) });
        let waker = Waker::from(Arc::clone(&unpark));
        let mut context = Context::from_waker(&waker);
        loop {
            let polled = {
                let _entered = self.0.enter();
                future.as_mut().poll(&mut context)
            };
            match polled {
                Poll::Ready(output) => return output,
                // A blocking call inside this future may have used this thread's token up; the flag
                // is this call's own.
                Poll::Pending => {
                    while !unpark.woken.swap(false, Ordering::AcqRel) {
                        thread::park();
                    }
                }
            }
        }
    }
}

/// Starts the thread, which makes the runtime itself: one that is dropped where it was not to be,
/// inside another runtime, would panic.
fn start() -> io::Result<Handle> {
    let (tell, told) = mpsc::sync_channel(1);
    let drive = move || match Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => {
            // Whoever asked waits for it.
            let _ = tell.send(Ok(runtime.handle().clone()));
            // Lives as long as the process: any thread may make a blocking call at any time.
            runtime.block_on(future::pending::<()>());
        }
        Err(error) => {
            let _ = tell.send(Err(error));
        }
    };
    thread::Builder::new().name("memclient".into()).spawn(drive)?;
    told.recv().map_err(io::Error::other)?
}

struct Unpark {
    thread: Thread,
    woken: AtomicBool,
}

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.woken.store(true, Ordering::Release);
        self.thread.unpark();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn futures_with_timers_end_on_a_plain_thread() {
        let seven = Executor::get().unwrap().block_on(async {
            tokio::time::sleep(Duration::from_millis(1)).await;
            7
        });
        assert_eq!(seven, 7);
    }

    #[tokio::test(flavor = "current_thread")]
    async fn futures_end_inside_a_single_threaded_runtime() {
        let task = Executor::get().unwrap().block_on(async { tokio::spawn(async { 7 }).await });
        assert_eq!(task.unwrap(), 7);
    }

    #[tokio::test(flavor = "current_thread")]
    async fn a_task_may_make_more_calls_than_its_budget_has_steps() {
        let executor = Executor::get().unwrap();
        let (send, mut receive) = tokio::sync::mpsc::unbounded_channel();
        for number in 0..1000 {
            send.send(number).unwrap();
            assert_eq!(executor.block_on(receive.recv()), Some(number));
        }
    }
}
