//! Reads that answer a miss where the server cannot be asked.

use super::Client;
use crate::{error::Result, events::Event};

impl Client {
    /// Takes the failure of a read for a miss, if this client's reads fail open and it is not the
    /// caller's own mistake.
    pub(super) fn open<T>(&self, outcome: Result<Option<T>>) -> Result<Option<T>> {
        match outcome {
            Err(error)
                if self.0.fail_open_reads && !error.is_input() && !error.is_unsupported() =>
            {
                self.0.observed.tell(&Event::ReadFailedOpen { error: &error });
                Ok(None)
            }
            outcome => outcome,
        }
    }

    /// Does so for each answer of a batch.
    pub(super) fn open_all<T>(
        &self,
        mut outcomes: Vec<Result<Option<T>>>,
    ) -> Vec<Result<Option<T>>> {
        if self.0.fail_open_reads {
            outcomes = outcomes.into_iter().map(|outcome| self.open(outcome)).collect();
        }
        outcomes
    }
}
