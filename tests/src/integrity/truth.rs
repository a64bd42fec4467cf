//! What was written, and what a read may therefore find.

use std::{
    collections::{HashMap, VecDeque},
    fmt::Write as _,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use memclient::{Client, Value};

/// How many rows there are: items that only one task writes and everybody reads.
pub(super) const ROWS: usize = 256;

/// The first of the rows that are deleted now and then.
pub(super) const FLEETING: usize = 192;

/// How many items everybody counts up, by swapping in the next number.
pub(super) const COUNTERS: usize = 8;

/// Longer than any write is on its way: none waits for its turn, or in a network, for so long.
const ON_ITS_WAY: Duration = Duration::from_secs(30);

/// All that is known.
pub(super) struct Truth {
    began: Instant,
    /// The next version: each is given once, over all items.
    versions: AtomicU64,
    /// Odd while the server is down, and another whenever it has lost everything.
    era: AtomicU64,
    rows: Vec<Mutex<Row>>,
    counters: Vec<Mutex<Counter>>,
    /// The results of increments in this era.
    sums: Mutex<(u64, Bits)>,
}

/// What is known of a row.
#[derive(Default)]
struct Row {
    acked: Floor,
    /// Writes of which nobody knows whether and when they arrive, by ascending versions.
    unsure: VecDeque<Floor>,
}

/// What a read that begins now must find, or something newer.
#[derive(Clone, Copy, Default)]
pub(super) struct Floor {
    version: u64,
    era: u64,
    /// When the write began, since the run did.
    at: Duration,
}

/// What is known of a counter.
#[derive(Default)]
struct Counter {
    floor: Option<Count>,
    /// Which numbers somebody was told to have swapped in, for each line of numbers.
    taken: HashMap<u64, Bits>,
}

/// How far a counter has come.
#[derive(Clone, Copy)]
pub(super) struct Count {
    /// Which of several beginnings.
    pub(super) line: u64,
    pub(super) number: u64,
    era: u64,
}

/// What an answer is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Verdict {
    Right,
    /// Not whole.
    Broken,
    /// Another item's.
    Foreign,
    /// Older than what was there when the read began.
    Stale,
    /// Not there although nothing could have removed it.
    Missed,
    /// Two were told to have done what only one can have done.
    Twice,
}

/// A set of small numbers.
#[derive(Default)]
struct Bits(Vec<u64>);

impl Bits {
    /// Adds a number; false where it was there.
    fn insert(&mut self, number: u64) -> bool {
        let (word, bit) = (usize::try_from(number / 64).unwrap_or(usize::MAX), 1 << (number % 64));
        if self.0.len() <= word {
            self.0.resize(word + 1, 0);
        }
        let is_new = self.0[word] & bit == 0;
        self.0[word] |= bit;
        is_new
    }
}

impl Truth {
    pub(super) fn new() -> Self {
        Self {
            began: Instant::now(),
            versions: AtomicU64::new(1),
            era: AtomicU64::new(0),
            rows: (0..ROWS).map(|_| Mutex::default()).collect(),
            counters: (0..COUNTERS).map(|_| Mutex::default()).collect(),
            sums: Mutex::default(),
        }
    }

    pub(super) fn era(&self) -> u64 {
        self.era.load(Ordering::SeqCst)
    }

    /// Notes that the server loses everything from now on, or that it runs again.
    pub(super) fn turn_era(&self) {
        self.era.fetch_add(1, Ordering::SeqCst);
    }

    pub(super) fn next_version(&self) -> u64 {
        self.versions.fetch_add(1, Ordering::SeqCst)
    }

    pub(super) fn floor(&self, row: usize) -> Floor {
        self.row(row).acked
    }

    /// Notes that a write begins: until its end is known, it may arrive at any time.
    pub(super) fn begin(&self, row: usize) -> Floor {
        let (version, era, at) = (self.next_version(), self.era(), self.began.elapsed());
        let write = Floor { version, era, at };
        self.row(row).unsure.push_back(write);
        write
    }

    /// Notes that the write has taken effect.
    pub(super) fn acked(&self, row: usize, write: Floor) {
        let mut row = self.row(row);
        row.acked = write;
        row.forget(write.version);
        // What came before it and was on its way is over.
        while row.unsure.front().is_some_and(|other| other.at + ON_ITS_WAY < write.at) {
            row.unsure.pop_front();
        }
    }

    /// Notes that the write certainly has not.
    pub(super) fn had_none(&self, row: usize, write: Floor) {
        self.row(row).forget(write.version);
    }

    /// Judges what a read found that began with this floor.
    pub(super) fn judge(&self, row: usize, floor: Floor, found: Option<&Value>) -> Verdict {
        let Some(found) = found else {
            let may_be_gone = row >= FLEETING || floor.version == 0 || floor.era != self.era();
            return if may_be_gone { Verdict::Right } else { Verdict::Missed };
        };
        match read(&row_key(row), found) {
            // What was unsure when the read began may be stored since.
            Ok((version, _)) if self.row(row).allows(version, floor.version) => Verdict::Right,
            Ok(_) => Verdict::Stale,
            Err(verdict) => verdict,
        }
    }

    pub(super) fn count_floor(&self, counter: usize) -> Option<Count> {
        self.counter(counter).floor
    }

    /// Judges what a read of a counter found, and returns how far it has come.
    pub(super) fn judge_count(
        &self,
        counter: usize,
        floor: Option<Count>,
        found: Option<&Value>,
    ) -> (Verdict, Option<Count>) {
        let era = self.era();
        let floor = floor.filter(|floor| floor.era == era);
        let Some(found) = found else {
            let verdict = if floor.is_none() { Verdict::Right } else { Verdict::Missed };
            return (verdict, None);
        };
        let (line, number) = match read(&counter_key(counter), found) {
            Ok(found) => found,
            Err(verdict) => return (verdict, None),
        };
        let is_stale = floor.is_some_and(|floor| line != floor.line || number < floor.number);
        let verdict = if is_stale { Verdict::Stale } else { Verdict::Right };
        (verdict, Some(Count { line, number, era }))
    }

    /// Notes that somebody who began in this era was told to have swapped in a number.
    pub(super) fn counted(&self, counter: usize, count: Count) -> Verdict {
        let era = self.era();
        let mut counter = self.counter(counter);
        if !counter.taken.entry(count.line).or_default().insert(count.number) {
            return Verdict::Twice;
        }
        // In which era it took effect is known only where it was one all the time.
        if era == count.era && era.is_multiple_of(2) {
            let is_newer = counter.floor.is_none_or(|floor| {
                floor.era < era || floor.line == count.line && floor.number < count.number
            });
            if is_newer {
                counter.floor = Some(count);
            }
        }
        Verdict::Right
    }

    /// Judges what an increment came to that began in this era.
    pub(super) fn summed(&self, began_in: u64, sum: u64) -> Verdict {
        let era = self.era();
        if era != began_in || era % 2 == 1 {
            return Verdict::Right;
        }
        let mut sums = self.sums.lock().unwrap_or_else(PoisonError::into_inner);
        if sums.0 != era {
            *sums = (era, Bits::default());
        }
        if sums.1.insert(sum) { Verdict::Right } else { Verdict::Twice }
    }

    /// Returns how many writes that were confirmed are not there, once nothing changes any more.
    pub(super) async fn count_lost(&self, honest: &Client) -> u64 {
        let mut lost = 0;
        for row in 0..ROWS {
            let found = honest.get(row_key(row)).await.expect("nothing is in the way");
            let verdict = self.judge(row, self.floor(row), found.as_ref());
            lost += u64::from(verdict != Verdict::Right);
        }
        for counter in 0..COUNTERS {
            let found = honest.get(counter_key(counter)).await.expect("nothing is in the way");
            let floor = self.count_floor(counter);
            let (verdict, _) = self.judge_count(counter, floor, found.as_ref());
            lost += u64::from(verdict != Verdict::Right);
        }
        lost
    }

    fn row(&self, row: usize) -> MutexGuard<'_, Row> {
        self.rows[row].lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn counter(&self, counter: usize) -> MutexGuard<'_, Counter> {
        self.counters[counter].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Row {
    /// Says whether a read that began when `floor` was stored may see this version.
    fn allows(&self, version: u64, floor: u64) -> bool {
        version >= floor || self.place(version).is_ok()
    }

    fn forget(&mut self, version: u64) {
        if let Ok(place) = self.place(version) {
            self.unsure.remove(place);
        }
    }

    fn place(&self, version: u64) -> Result<usize, usize> {
        self.unsure.binary_search_by_key(&version, |write| write.version)
    }
}

/// All row keys are of one length: where a network leaves bytes out, none becomes another.
pub(super) fn row_key(row: usize) -> String {
    format!("row-{row:04}")
}

pub(super) fn counter_key(counter: usize) -> String {
    format!("count-{counter:02}")
}

/// Returns the value of a row: one in fifty has some kilobytes.
pub(super) fn row_value(row: usize, write: Floor) -> Value {
    let size = row * if write.version.is_multiple_of(50) { 200 } else { 2 };
    value(&row_key(row), write.version, &"x".repeat(size))
}

pub(super) fn counter_value(counter: usize, count: Count) -> Value {
    value(&counter_key(counter), count.line, &count.number.to_string())
}

impl Count {
    /// Begins a line of numbers.
    pub(super) fn first(line: u64, era: u64) -> Self {
        Self { line, number: 0, era }
    }

    /// Returns the number that is to be swapped in for this one.
    pub(super) fn next(self) -> Self {
        Self { number: self.number + 1, ..self }
    }
}

fn value(owner: &str, version: u64, rest: &str) -> Value {
    let body = format!("{owner}|{version}|{rest}");
    let mut text = format!("{:016x}|", checksum(body.as_bytes()));
    let _ = text.write_str(&body);
    Value::new(text, 0)
}

/// Returns the version of a value and the number behind it, if it is whole and this key's.
fn read(key: &str, found: &Value) -> Result<(u64, u64), Verdict> {
    let text = str::from_utf8(found.data()).map_err(|_| Verdict::Broken)?;
    let (sum, body) = text.split_once('|').ok_or(Verdict::Broken)?;
    if u64::from_str_radix(sum, 16).ok() != Some(checksum(body.as_bytes())) {
        return Err(Verdict::Broken);
    }
    let mut words = body.split('|');
    if words.next() != Some(key) {
        return Err(Verdict::Foreign);
    }
    let version = words.next().and_then(|version| version.parse().ok()).ok_or(Verdict::Broken)?;
    Ok((version, words.next().and_then(|number| number.parse().ok()).unwrap_or(0)))
}

/// FNV-1a.
fn checksum(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |sum, &byte| {
        (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
