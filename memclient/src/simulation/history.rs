//! What was written when, and so what a read may find.

use std::collections::BTreeMap;

/// The writes of every key. Moments are places in the log, so no two are the same.
#[derive(Default)]
pub(super) struct History {
    keys: BTreeMap<String, Vec<Write>>,
    /// When the server lost everything.
    losses: Vec<u64>,
}

struct Write {
    /// The value, or nothing for a delete.
    value: Option<String>,
    began: u64,
    /// When it was over; an outcome that nobody knows may come at any time.
    ended: Option<u64>,
    /// Whether it certainly took effect.
    certain: bool,
}

/// A write under way.
#[derive(Clone, Copy)]
pub(super) struct Pending(usize);

impl History {
    pub(super) fn begin(&mut self, key: &str, value: Option<&str>, now: u64) -> Pending {
        let writes = self.keys.entry(key.to_owned()).or_default();
        let value = value.map(ToOwned::to_owned);
        writes.push(Write { value, began: now, ended: None, certain: false });
        Pending(writes.len() - 1)
    }

    /// Notes that a write took effect.
    pub(super) fn took_effect(&mut self, key: &str, write: Pending, now: u64) {
        let write = &mut self.keys.get_mut(key).expect("it was begun")[write.0];
        (write.ended, write.certain) = (Some(now), true);
    }

    /// Notes that a write certainly had no effect: nobody may read what it would have written.
    pub(super) fn had_none(&mut self, key: &str, write: Pending) {
        let write = &mut self.keys.get_mut(key).expect("it was begun")[write.0];
        // Neither read nor in the way of others.
        (write.began, write.ended) = (u64::MAX, Some(0));
    }

    pub(super) fn everything_is_lost(&mut self, now: u64) {
        self.losses.push(now);
    }

    /// Holds what a read between two moments found against the writes.
    pub(super) fn check(&self, key: &str, found: Option<&str>, began: u64, ended: u64) {
        let writes = self.keys.get(key).map(Vec::as_slice).unwrap_or_default();
        match found {
            Some(found) => self.check_found(key, found, writes, began, ended),
            None => self.check_missing(key, writes, began, ended),
        }
    }

    fn check_found(&self, key: &str, found: &str, writes: &[Write], began: u64, ended: u64) {
        let write = writes.iter().find(|write| write.value.as_deref() == Some(found));
        let Some(write) = write else { panic!("{key} has {found:?}, which nobody wrote under it") };
        assert!(write.began < ended, "{key} has {found:?}, which was never sent");
        let Some(over) = write.ended else { return };
        let later = writes.iter().filter(|other| other.certain && other.began > over);
        let lost = self.losses.iter().copied().filter(|loss| *loss > over);
        let gone = later.filter_map(|other| other.ended).chain(lost).min();
        if let Some(gone) = gone.filter(|gone| *gone < began) {
            panic!("{key} has {found:?} at {began}, which was over at {gone}");
        }
    }

    /// Looks for a value that certainly was there, and that nothing has taken away.
    fn check_missing(&self, key: &str, writes: &[Write], began: u64, ended: u64) {
        for write in writes {
            let was_there = write.certain && write.ended.is_some_and(|over| over < began);
            let is_taken = writes.iter().any(|other| {
                other.value.is_none()
                    && other.began < ended
                    && other.ended.is_none_or(|ended| ended > write.began)
            });
            let is_lost = self.losses.iter().any(|loss| *loss > write.began && *loss < ended);
            if let Some(value) = &write.value {
                let stays = was_there && !is_taken && !is_lost;
                assert!(!stays, "{key} is missing at {began}, and {value:?} was stored");
            }
        }
    }
}
