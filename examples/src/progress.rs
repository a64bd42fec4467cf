//! A line of progress for long work, where a person is watching.

use std::{
    io::{self, IsTerminal, Write},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::task::JoinHandle;

use crate::table::count;

/// A line on the terminal that says how far a pass is; dropped, it is wiped away.
#[derive(Debug)]
pub struct Progress(Option<JoinHandle<()>>);

impl Progress {
    /// Shows the line, now and then, unless the error output is no terminal.
    pub fn show(pass: usize, all: usize, done: Arc<AtomicUsize>) -> Self {
        let show = async move {
            loop {
                tokio::time::sleep(Duration::from_millis(150)).await;
                let done = done.load(Ordering::Relaxed).min(all);
                eprint!("\r\x1b[Kpass {pass}: {} of {} files", count(done), count(all));
                let _ = io::stderr().flush();
            }
        };
        Self(io::stderr().is_terminal().then(|| tokio::spawn(show)))
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(task) = &self.0 {
            task.abort();
            eprint!("\r\x1b[K");
            let _ = io::stderr().flush();
        }
    }
}
