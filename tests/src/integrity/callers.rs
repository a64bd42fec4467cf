//! The tasks that read and write through the plain client, and leave three of four calls.

use std::{
    future::Future,
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use fastrand::Rng;
use memclient::{CasOutcome, Client, Delivery, Error, Stored, Ttl, Value};
use tokio::time;

use super::{
    HANG, ROWS, TASKS, Until, Work,
    loads::Loads,
    truth::{
        COUNTERS, Count, FLEETING, Floor, Verdict, counter_key, counter_value, row_key, row_value,
    },
};
use crate::polled;

/// One task.
pub(super) struct Caller {
    pub(super) work: Arc<Work>,
    pub(super) rng: Rng,
    pub(super) task: usize,
}

/// Writes every row once.
pub(super) async fn write_all(work: &Work, honest: &Client) {
    for row in 0..ROWS {
        let write = work.truth.begin(row);
        let stored = honest.set(row_key(row), row_value(row, write), Ttl::Never).await;
        assert!(stored.is_ok_and(Stored::is_stored), "nothing is in the way");
        work.truth.acked(row, write);
    }
}

impl Caller {
    pub(super) async fn run(mut self, until: Until, began: Instant) {
        while !self.work.enough.load(Ordering::SeqCst) {
            self.act().await;
            if until.is_now(&self.work.tally, began) {
                self.work.enough.store(true, Ordering::SeqCst);
            }
        }
    }

    async fn act(&mut self) {
        let work = Arc::clone(&self.work);
        let client = self.rng.choice(&work.clients).expect("there are some");
        let own = self.task + TASKS * self.rng.usize(..ROWS / TASKS);
        let counter = self.rng.usize(..COUNTERS);
        match self.rng.u32(..20) {
            0..4 => self.write(client, own).await,
            4 => self.write_many(client).await,
            5 => self.delete(client, own).await,
            6..9 => self.read_many(client).await,
            9..12 => self.swap(client, counter).await,
            12 => self.sum(client).await,
            13..15 => self.load().await,
            _ => {
                let row = self.rng.usize(..ROWS);
                let floor = work.truth.floor(row);
                if let Some(found) = self.call(client.get(row_key(row))).await {
                    self.look(row, floor, &found);
                }
            }
        }
    }

    async fn write(&mut self, client: &Client, row: usize) {
        let write = self.work.truth.begin(row);
        let call = client.set(row_key(row), row_value(row, write), Ttl::Never);
        let stored = self.call(call).await;
        self.note(row, write, stored.map(|stored| stored.map(Stored::is_stored)));
    }

    async fn write_many(&mut self, client: &Client) {
        let rows = (0..ROWS / TASKS).map(|row| self.task + TASKS * row);
        let writes: Vec<_> = rows.map(|row| (row, self.work.truth.begin(row))).collect();
        let entries = writes.iter().map(|&(row, write)| (row_key(row), row_value(row, write)));
        let call = client.set_many(entries.collect::<Vec<_>>(), Ttl::Never);
        let Some(stored) = self.call(call).await else { return };
        for ((row, write), stored) in writes.into_iter().zip(stored) {
            self.note(row, write, Some(stored.map(Stored::is_stored)));
        }
    }

    async fn delete(&mut self, client: &Client, own: usize) {
        let row = FLEETING + own % TASKS;
        let write = self.work.truth.begin(row);
        let deleted = self.call(client.delete(row_key(row))).await;
        // That there is nothing to delete says as much as that it was deleted.
        self.note(row, write, deleted.map(|deleted| deleted.map(|_| true)));
    }

    async fn read_many(&mut self, client: &Client) {
        let rows: Vec<_> = (0..self.rng.usize(1..20)).map(|_| self.rng.usize(..ROWS)).collect();
        let keys: Vec<_> = rows.iter().map(|&row| row_key(row)).collect();
        let floors: Vec<_> = rows.iter().map(|&row| self.work.truth.floor(row)).collect();
        let Some(found) = self.call(client.get_many(&keys)).await else { return };
        for ((row, floor), found) in rows.into_iter().zip(floors).zip(found) {
            self.look(row, floor, &found);
        }
    }

    /// Reads a counter and swaps in the next number; of all who have read one number one succeeds.
    async fn swap(&mut self, client: &Client, counter: usize) {
        let truth = &Arc::clone(&self.work).truth;
        let (key, floor) = (counter_key(counter), truth.count_floor(counter));
        let Some(Ok(item)) = self.call(client.gets(&key)).await else { return };
        let value = item.as_ref().map(|item| &item.value);
        let (verdict, count) = truth.judge_count(counter, floor, value);
        self.work.tally.note(verdict);
        if let (Some(item), Some(count)) = (item, count) {
            let next = count.next();
            let call = client.cas(&key, counter_value(counter, next), Ttl::Never, item.cas);
            if let Some(Ok(CasOutcome::Stored)) = self.call(call).await {
                self.work.tally.note(truth.counted(counter, next));
            }
        } else if verdict == Verdict::Right {
            let first = Count::first(truth.next_version(), truth.era());
            let call = client.add(&key, counter_value(counter, first), Ttl::Never);
            if self.call(call).await.is_some_and(|stored| stored.is_ok_and(Stored::is_stored)) {
                self.work.tally.note(truth.counted(counter, first));
            }
        }
    }

    /// Counts a number up that the server adds to: no result may come twice.
    async fn sum(&mut self, client: &Client) {
        let era = self.work.truth.era();
        match self.call(client.incr("sum", 1)).await {
            Some(Ok(Some(sum))) => self.work.tally.note(self.work.truth.summed(era, sum)),
            Some(Ok(None)) => {
                let _ = self.call(client.add("sum", 0_u64, Ttl::Never)).await;
            }
            Some(Err(_)) | None => {}
        }
    }

    async fn load(&mut self) {
        let work = Arc::clone(&self.work);
        let key = Loads::draw(&mut self.rng);
        if self.rng.u8(..4) == 0 {
            let version = work.loads.change(key);
            if let Some(Ok(())) = self.call(work.loads.invalidate(key)).await {
                work.loads.invalidated(key, version);
            }
            return;
        }
        let floor = work.loads.floor(key);
        if let Some(Ok(found)) = self.call(work.loads.load(key)).await {
            work.tally.note(work.loads.judge(key, floor, &found));
        }
    }

    /// Notes what came of a write; `None` where it was left.
    fn note(&self, row: usize, write: Floor, stored: Option<Result<bool, Error>>) {
        let truth = &self.work.truth;
        match stored {
            Some(Ok(true)) => {
                truth.acked(row, write);
                self.work.tally.note(Verdict::Right);
            }
            // Nothing here may refuse a write.
            Some(Ok(false)) => self.work.tally.note(Verdict::Missed),
            Some(Err(error)) => {
                if matches!(error.delivery(), Delivery::NotSent | Delivery::Refused) {
                    truth.had_none(row, write);
                }
            }
            None => {}
        }
    }

    fn look(&self, row: usize, floor: Floor, found: &Result<Option<Value>, Error>) {
        if let Ok(found) = found {
            self.work.tally.note(self.work.truth.judge(row, floor, found.as_ref()));
        }
    }

    /// Lets one of four calls end, and drops the others after some polls or some time.
    async fn call<F: Future>(&mut self, call: F) -> Option<F::Output>
    where
        F::Output: Outcome,
    {
        let tally = &self.work.tally;
        let began = Instant::now();
        let output = match self.rng.u32(..4) {
            0 => {
                let ended = time::timeout(HANG, call).await.ok();
                tally.hung(ended.is_none());
                ended
            }
            1 => {
                let time = Duration::from_micros(self.rng.u64(..4000));
                let ended = time::timeout(time, call).await.ok();
                tally.left(ended.is_none());
                ended
            }
            _ => {
                let ended = polled(call, self.rng.u32(..8)).await;
                tally.left(ended.is_none());
                ended
            }
        };
        if let Some(output) = &output {
            tally.ended(began.elapsed(), output.error());
        }
        output
    }
}

/// What a call may end with.
trait Outcome {
    /// Returns why it failed, or the first part of it that did.
    fn error(&self) -> Option<&Error>;
}

impl<T> Outcome for Result<T, Error> {
    fn error(&self) -> Option<&Error> {
        self.as_ref().err()
    }
}

impl<T> Outcome for Vec<Result<T, Error>> {
    fn error(&self) -> Option<&Error> {
        self.iter().find_map(Outcome::error)
    }
}
