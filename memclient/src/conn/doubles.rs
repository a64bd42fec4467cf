//! Keys that are wanted more than once in one command: the server is asked for each only once.
//!
//! That is right because none of them is on its way yet: whoever wants the key now may have any
//! value that it has from now on.

use std::hash::BuildHasher;

use foldhash::fast::RandomState;

/// Finds keys that occur more than once. Kept for its memory: looking costs no allocation.
#[derive(Debug, Default)]
pub(super) struct Doubles {
    hasher: RandomState,
    /// The places of the keys by their hash, each plus one; zero where there is none.
    table: Vec<u32>,
    starts: Vec<usize>,
    firsts: Vec<usize>,
}

impl Doubles {
    /// Returns for each key the place of the first that equals it, or `None` where all differ.
    ///
    /// The keys lie one behind the other in `keys` and have these lengths.
    pub(super) fn find(
        &mut self,
        keys: &[u8],
        lengths: impl ExactSizeIterator<Item = usize>,
    ) -> Option<&[usize]> {
        let size = (2 * lengths.len()).next_power_of_two();
        self.table.clear();
        self.table.resize(size, 0);
        self.starts.clear();
        self.firsts.clear();
        self.starts.push(0);
        let (mut end, mut doubled) = (0, false);
        for (place, length) in lengths.enumerate() {
            let key = keys.get(end..end + length).unwrap_or_default();
            end += length;
            self.starts.push(end);
            let first = self.first(keys, key, place);
            doubled |= first != place;
            self.firsts.push(first);
        }
        doubled.then_some(&self.firsts)
    }

    /// Returns the place of the first key that equals this one, which is put into the table if it
    /// is its own first.
    fn first(&mut self, keys: &[u8], key: &[u8], place: usize) -> usize {
        let mask = self.table.len() - 1;
        let mut cell = usize::try_from(self.hasher.hash_one(key) >> 32).unwrap_or(0) & mask;
        // The table is at least twice as large as there are keys, so there is an empty cell.
        while let Some(entry) = self.table.get_mut(cell) {
            let Some(known) = entry.checked_sub(1).map(|known| known as usize) else {
                *entry = u32::try_from(place + 1).unwrap_or(0);
                break;
            };
            let bounds = self.starts.get(known).zip(self.starts.get(known + 1));
            if bounds.and_then(|(&start, &end)| keys.get(start..end)) == Some(key) {
                return known;
            }
            cell = (cell + 1) & mask;
        }
        place
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(keys: &[&str]) -> Option<Vec<usize>> {
        let mut doubles = Doubles::default();
        let lengths = keys.iter().map(|key| key.len());
        doubles.find(keys.concat().as_bytes(), lengths).map(<[usize]>::to_vec)
    }

    #[test]
    fn the_first_of_equal_keys_is_found() {
        assert_eq!(find(&[]), None);
        assert_eq!(find(&["a", "b", "ab"]), None);
        assert_eq!(find(&["a", "b", "a", "b", "a"]), Some(vec![0, 1, 0, 1, 0]));
    }

    #[test]
    fn many_keys_are_told_apart() {
        let keys: Vec<String> = (0..5000).map(|key| format!("key:{key}")).collect();
        let mut keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        assert_eq!(find(&keys), None);
        keys.push("key:4999");
        assert_eq!(find(&keys).and_then(|firsts| firsts.last().copied()), Some(4999));
    }
}
