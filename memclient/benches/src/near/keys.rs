//! Which keys are asked for, and in which order.

use crate::workload::Random;

/// How many keys there are, all of which are kept.
pub(super) const KEYS: usize = 10_000;

/// How many questions there are before they begin anew.
const QUESTIONS: usize = 1 << 16;

/// How the questions spread over the keys.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Spread {
    /// Every key as often as any other.
    Even,
    /// So few keys that all of them stay in the caches of the processor: what a call costs besides.
    Few,
    /// The second key half as often as the first, the third a third: as caches are used.
    Zipf,
}

impl Spread {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Even => "evenly asked",
            Self::Few => "64 keys",
            Self::Zipf => "Zipf",
        }
    }
}

/// The keys, of 20 bytes each, and the order in which they are asked for.
pub(super) struct Questions {
    pub(super) keys: Vec<String>,
    order: Vec<u16>,
}

impl Questions {
    pub(super) fn new(spread: Spread) -> Self {
        let mut random = Random::new(7);
        let keys = (0..KEYS).map(|n| format!("customer:{:011}", n * 7919)).collect();
        let order = (0..QUESTIONS).map(|_| spread.draw(&mut random) as u16).collect();
        Self { keys, order }
    }

    /// Returns keys without end; every thread begins somewhere else.
    pub(super) fn from(&self, thread: usize) -> Drawn<'_> {
        Drawn { questions: self, next: thread * (QUESTIONS / 2 + 1) }
    }
}

/// Keys without end.
pub(super) struct Drawn<'a> {
    questions: &'a Questions,
    next: usize,
}

impl<'a> Drawn<'a> {
    pub(super) fn draw(&mut self) -> &'a str {
        let key = self.questions.order[self.next % QUESTIONS];
        self.next += 1;
        &self.questions.keys[usize::from(key)]
    }
}

impl Spread {
    fn draw(self, random: &mut Random) -> usize {
        match self {
            Self::Even => random.below(KEYS),
            Self::Few => random.below(64),
            Self::Zipf => {
                // The inverse of the distribution where it is continuous; close enough for a rank.
                let share = random.below(1 << 24) as f64 / f64::from(1 << 24);
                let rank = (share * ((KEYS + 1) as f64).ln()).exp() as usize - 1;
                // The first ranks lie anywhere among the keys.
                (rank.min(KEYS - 1) * 7) % KEYS
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_have_twenty_bytes_and_the_first_rank_has_its_share() {
        let questions = Questions::new(Spread::Zipf);
        assert!(questions.keys.iter().all(|key| key.len() == 20));
        let mut drawn = questions.from(0);
        let first = (0..QUESTIONS).filter(|_| drawn.draw() == questions.keys[0]);
        let share = first.count() as f64 / QUESTIONS as f64;
        assert!((0.05..0.15).contains(&share), "{share}");
    }
}
