//! What is measured: an operation, how many tasks ask for it, how large its values are.

use std::{fmt, str::FromStr};

use bytes::Bytes;

/// How many keys there are to read, and as many to write.
const KEYS: usize = 10_000;

/// How many keys a batch has.
pub(crate) const BATCH: usize = 100;

/// What one task asks for, again and again.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Operation {
    Get,
    Set,
    /// Nine gets to one set.
    Mix,
    /// One `get_many` of [`BATCH`] keys counts as one operation.
    GetMany,
}

/// One section of the table, written `get@64` or, with the size of the values, `get@64/4096`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Workload {
    pub(crate) operation: Operation,
    pub(crate) tasks: usize,
    pub(crate) size: usize,
}

/// The keys and the value of one size.
pub(crate) struct Data {
    /// Keys that hold a value and are never written.
    pub(crate) read: Vec<String>,
    /// Keys that are written and never read, so that no client meets another's flags.
    pub(crate) write: Vec<String>,
    pub(crate) value: Bytes,
}

/// The sizes of values in bytes where a workload names none.
pub(crate) const SMALL: usize = 100;
const LARGE: usize = 4096;

impl Workload {
    /// Returns the workloads that are measured when none is named.
    pub(crate) fn defaults(size: usize) -> Vec<Self> {
        let of = |operation, tasks, size| Self { operation, tasks, size };
        let mut all: Vec<Self> =
            [1, 4, 16, 64, 1024].map(|tasks| of(Operation::Get, tasks, size)).into();
        all.push(of(Operation::Set, 64, size));
        all.push(of(Operation::Mix, 64, size));
        all.push(of(Operation::GetMany, 1, size));
        all.push(of(Operation::GetMany, 16, size));
        if size == SMALL {
            all.push(of(Operation::Get, 64, LARGE));
            all.push(of(Operation::Set, 64, LARGE));
        }
        all
    }

    /// Reads `get@64` or `get@64/4096`; `size` is for those that name none.
    pub(crate) fn parse(text: &str, size: usize) -> Result<Self, String> {
        let wrong = || format!("{text:?} is no workload: write it as get@64 or get@64/4096");
        let (operation, load) = text.split_once('@').ok_or_else(wrong)?;
        let (tasks, size) = match load.split_once('/') {
            Some((tasks, size)) => (tasks, size.parse().map_err(|_| wrong())?),
            None => (load, size),
        };
        let tasks = tasks.parse().map_err(|_| wrong())?;
        if tasks == 0 {
            return Err(wrong());
        }
        Ok(Self { operation: operation.parse().map_err(|()| wrong())?, tasks, size })
    }
}

impl fmt::Display for Workload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let operation = match self.operation {
            Operation::Get => "get",
            Operation::Set => "set",
            Operation::Mix => "mix",
            Operation::GetMany => "get_many",
        };
        write!(f, "{operation}@{}", self.tasks)?;
        if self.size == SMALL { Ok(()) } else { write!(f, "/{}", self.size) }
    }
}

impl FromStr for Operation {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "get" => Ok(Self::Get),
            "set" => Ok(Self::Set),
            "mix" => Ok(Self::Mix),
            "get_many" => Ok(Self::GetMany),
            _ => Err(()),
        }
    }
}

impl Data {
    /// Returns the keys and the value of this size. All keys are equally long.
    pub(crate) fn new(size: usize) -> Self {
        let keys = |kind| (0..KEYS).map(|n| format!("bench:{kind}:{size}:{n:06}")).collect();
        Self { read: keys("r"), write: keys("w"), value: Bytes::from(vec![b'x'; size]) }
    }

    /// Returns a key that holds a value.
    pub(crate) fn readable(&self, random: &mut Random) -> &str {
        &self.read[random.below(self.read.len())]
    }

    /// Returns a key to write to.
    pub(crate) fn writable(&self, random: &mut Random) -> &str {
        &self.write[random.below(self.write.len())]
    }

    /// Returns the keys of one batch, all of which hold values.
    pub(crate) fn batch(&self, random: &mut Random) -> &[String] {
        let start = random.below(self.read.len() - BATCH);
        &self.read[start..start + BATCH]
    }
}

/// A small generator of numbers (xorshift), the same for everyone.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: usize) -> Self {
        Self((seed as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    /// Returns a number below the bound.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        ((self.0 >> 33) as usize) % bound
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_workload_is_read_as_it_is_written() {
        for workload in Workload::defaults(SMALL) {
            assert_eq!(Workload::parse(&workload.to_string(), SMALL), Ok(workload));
        }
        for wrong in ["get", "get@", "get@0", "put@1", "get@1/x"] {
            assert!(Workload::parse(wrong, SMALL).is_err(), "{wrong}");
        }
    }
}
