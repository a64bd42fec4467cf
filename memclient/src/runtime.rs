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
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    thread::{self, Thread},
};

use tokio::runtime::{Builder, Handle};

static HANDLE: OnceLock<Option<Handle>> = OnceLock::new();

/// Runs futures on the calling thread.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Executor(&'static Handle);

impl Executor {
    /// Returns the executor, starting its thread at the first call.
    ///
    /// # Errors
    /// When the system refuses the thread that drives the connections.
    pub(crate) fn get() -> io::Result<Self> {
        let start = || {
            let runtime = Builder::new_current_thread().enable_all().build().ok()?;
            let handle = runtime.handle().clone();
            // Lives as long as the process: any thread may make a blocking call at any time.
            let drive = move || runtime.block_on(future::pending::<()>());
            thread::Builder::new().name("memclient".into()).spawn(drive).ok()?;
            Some(handle)
        };
        match HANDLE.get_or_init(start) {
            Some(handle) => Ok(Self(handle)),
            None => Err(io::Error::other("no thread could be started for blocking calls")),
        }
    }

    /// Runs a task on this crate's thread, for as long as the process lives.
    pub(crate) fn spawn(self, task: impl Future<Output = ()> + Send + 'static) {
        self.0.spawn(task);
    }

    /// Runs a future to its end on this thread.
    pub(crate) fn block_on<F: Future>(self, future: F) -> F::Output {
        let mut future = pin!(future);
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
}
