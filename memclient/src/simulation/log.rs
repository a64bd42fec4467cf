use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::time::Instant;

/// Everything that happens in a simulation, in its order, as one number; and as lines where a person
/// wants to read them.
#[derive(Clone)]
pub(super) struct Log {
    start: Instant,
    shown: bool,
    state: Arc<Mutex<State>>,
}

struct State {
    /// How many events there were.
    count: u64,
    digest: u64,
}

impl Log {
    pub(super) fn new(shown: bool) -> Self {
        let state = State { count: 0, digest: 0xcbf2_9ce4_8422_2325 };
        Self { start: Instant::now(), shown, state: Arc::new(Mutex::new(state)) }
    }

    /// Notes what happens now, and returns its place among all events.
    pub(super) fn note(&self, event: fmt::Arguments<'_>) -> u64 {
        let line = format!("{:>12?} {event}", self.start.elapsed());
        if self.shown {
            println!("{line}");
        }
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.count += 1;
        // FNV-1a: it is the same in every process.
        for byte in line.bytes() {
            state.digest = (state.digest ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        state.count
    }

    pub(super) fn digest(&self) -> u64 {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).digest
    }
}
