use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicUsize, Ordering},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::machine::Machine;
use crate::proto::Limits;

/// Bounds of one connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ConnectionOptions {
    /// The largest value that the server may send, in bytes.
    pub(crate) max_value: usize,
    /// How many bytes of requests may be under way at once.
    pub(crate) max_in_flight: usize,
}

/// What the handles and the driver of a connection have in common.
pub(super) struct Shared {
    machine: Mutex<Machine>,
    handles: AtomicUsize,
    room: Arc<Semaphore>,
    max_in_flight: usize,
}

impl Shared {
    pub(super) fn new(options: ConnectionOptions) -> Self {
        Self {
            machine: Mutex::new(Machine::new(Limits { max_value: options.max_value })),
            handles: AtomicUsize::new(1),
            room: Arc::new(Semaphore::new(options.max_in_flight)),
            max_in_flight: options.max_in_flight,
        }
    }

    /// Waits for room for so many bytes of requests; more than all the room there is counts as all
    /// of it.
    pub(super) async fn room(&self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        let bytes = u32::try_from(bytes.min(self.max_in_flight)).unwrap_or(u32::MAX);
        Arc::clone(&self.room).acquire_many_owned(bytes).await.ok()
    }

    pub(super) fn add_handle(&self) {
        self.handles.fetch_add(1, Ordering::Relaxed);
    }

    /// Says whether that was the last one.
    pub(super) fn remove_handle(&self) -> bool {
        self.handles.fetch_sub(1, Ordering::AcqRel) == 1
    }

    pub(super) fn machine(&self) -> MutexGuard<'_, Machine> {
        // A panic under this lock is a bug of ours; the machine's own checks catch a stream that is
        // out of step.
        self.machine.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says whether every handle is gone.
    pub(super) fn is_unused(&self) -> bool {
        self.handles.load(Ordering::Acquire) == 0
    }
}
