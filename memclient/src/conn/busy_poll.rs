//! Whether a driver stays awake while it waits for the answers to batches.
//!
//! A thread that sleeps is woken by who sends to it, and where idle cores halt that is dear: a server
//! in the same virtual machine was seen to spend 7 µs on it, as much as for 35 of the values that it then
//! sent. So a driver may look for the next answer again and again, and let other tasks and the reactor
//! go first each time. Where a waking costs little that would only burn: so it is learnt, by waiting now
//! one way and now the other and comparing how fast answers come. Answers that are far apart, as those
//! of a server that is far away or shares its core with us, are slept for.

use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

/// For how long a driver stays awake since the last answer to anybody.
const PATIENCE: Duration = Duration::from_micros(60);

/// How much time between answers one way of waiting is given before it is compared with the other.
const SPAN: Duration = Duration::from_millis(5);

/// The most that the time between two answers counts: what lasts longer has other reasons than the way
/// of waiting.
const LONGEST: Duration = Duration::from_micros(150);

/// So many comparisons are what is known; one alone is off by a twentieth. Until there are as many, one
/// follows the other; later each is made once in so many spans, the others of which go by what is known.
const KNOWN: u8 = 32;
const CYCLE: u32 = 16;

/// The most that one comparison says.
const SLOWEST: f64 = 0.8;
const FASTEST: f64 = 1.25;

/// How much faster answers must come to who stays awake.
const WORTH: f64 = 1.04;

/// So many more waits in vain than others in one span, and the rest of it is slept through.
const VAIN: u32 = 3;

static OF_PROCESS: BusyPoll = BusyPoll::new();

/// What is known of this machine, and whether a driver polls: one at most, for what keeps its thread
/// awake is there for the others of that thread too.
#[derive(Debug)]
pub(super) struct BusyPoll {
    /// What the trial says, for those who look again and again.
    pays: AtomicBool,
    /// Whether a driver polls.
    taken: AtomicBool,
    /// How many answers, or parts of one, have come to anybody.
    answers: AtomicU64,
    trial: Mutex<Trial>,
}

/// A driver's right to poll; dropping it gives it back.
#[derive(Debug)]
pub(super) struct Polling {
    of: &'static BusyPoll,
    /// When it looked first after the last answer, of so many.
    since: Instant,
    answers: u64,
}

/// Which way of waiting brings answers faster.
#[derive(Debug)]
struct Trial {
    span: Option<Span>,
    /// Which span of its cycle it is: the first is slept through, the second stayed awake in.
    place: u32,
    /// How fast answers came in the first span of the cycle, in bytes per second.
    asleep: Option<f64>,
    /// How many times as fast they come to who stays awake: the mean of so many comparisons.
    gain: f64,
    compared: u8,
}

/// What came while one way of waiting was kept.
#[derive(Clone, Copy, Debug)]
struct Span {
    last: Instant,
    /// The time between the answers, as far as it counts, and their bytes.
    time: Duration,
    bytes: f64,
    /// How many answers came while a driver polled, and how often one did so in vain.
    waits: u32,
    vain: u32,
}

impl BusyPoll {
    const fn new() -> Self {
        Self {
            pays: AtomicBool::new(false),
            taken: AtomicBool::new(false),
            answers: AtomicU64::new(0),
            trial: Mutex::new(Trial::new()),
        }
    }

    pub(super) fn of_process() -> &'static Self {
        &OF_PROCESS
    }

    /// Notes that so many bytes of an answer to a batch have come.
    pub(super) fn note(&self, bytes: usize, now: Instant) {
        self.answers.fetch_add(1, Ordering::Relaxed);
        let mut trial = self.trial();
        trial.note(bytes, self.taken.load(Ordering::Relaxed), now);
        self.pays.store(trial.pays(), Ordering::Relaxed);
    }

    /// Lets a driver poll, where that pays and no other does.
    pub(super) fn begin(&'static self, now: Instant) -> Option<Polling> {
        let begins = self.pays.load(Ordering::Relaxed) && !self.taken.swap(true, Ordering::Relaxed);
        let answers = self.answers.load(Ordering::Relaxed);
        // Made only where it is right: what is dropped gives back the right of whoever has it.
        begins.then(|| Polling { of: self, since: now, answers })
    }

    fn note_vain(&self) {
        let mut trial = self.trial();
        trial.note_vain();
        self.pays.store(trial.pays(), Ordering::Relaxed);
    }

    fn trial(&self) -> MutexGuard<'_, Trial> {
        self.trial.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Polling {
    /// Goes on for another look, unless it was too long in vain.
    pub(super) fn goes_on(mut self, now: Instant) -> Option<Self> {
        let answers = self.of.answers.load(Ordering::Relaxed);
        if std::mem::replace(&mut self.answers, answers) != answers {
            self.since = now;
        }
        let is_vain = now.saturating_duration_since(self.since) >= PATIENCE;
        if is_vain {
            self.of.note_vain();
        }
        let goes_on = !is_vain && self.of.pays.load(Ordering::Relaxed);
        goes_on.then_some(self)
    }
}

impl Drop for Polling {
    fn drop(&mut self) {
        self.of.taken.store(false, Ordering::Relaxed);
    }
}

impl Trial {
    const fn new() -> Self {
        Self { span: None, place: 0, asleep: None, gain: 1.0, compared: 0 }
    }

    /// Says whether to stay awake in this span.
    fn pays(&self) -> bool {
        let wanted = match self.place {
            0 => false,
            1 => true,
            _ => self.gain >= WORTH,
        };
        let is_vain = |span: &Span| span.vain > span.waits + VAIN;
        wanted && !self.span.as_ref().is_some_and(is_vain)
    }

    /// Takes in so many bytes, and whether somebody stayed awake for them.
    fn note(&mut self, bytes: usize, awaited: bool, now: Instant) {
        let since = |span: &Span| now.saturating_duration_since(span.last);
        let Some(mut span) = self.span.filter(|span| since(span) < SPAN) else {
            self.span = Some(Span::new(now));
            (self.place, self.asleep) = (0, None);
            return;
        };
        span.time += since(&span).min(LONGEST);
        span.last = now;
        span.bytes += f64::from(u32::try_from(bytes).unwrap_or(u32::MAX));
        span.waits += u32::from(awaited);
        if span.time < SPAN {
            self.span = Some(span);
            return;
        }
        self.learn(span.bytes / span.time.as_secs_f64());
        self.span = Some(Span::new(now));
        let cycle = if self.compared < KNOWN { 2 } else { CYCLE };
        self.place = (self.place + 1) % cycle;
    }

    fn note_vain(&mut self) {
        if let Some(span) = &mut self.span {
            span.vain += 1;
        }
    }

    /// Takes in how fast answers came in the span that is over.
    fn learn(&mut self, speed: f64) {
        match (self.place, self.asleep) {
            (0, _) => self.asleep = Some(speed),
            (1, Some(asleep)) => {
                let gain = (speed / asleep).clamp(SLOWEST, FASTEST);
                self.compared = KNOWN.min(self.compared + 1);
                self.gain += (gain - self.gain) / f64::from(self.compared);
            }
            _ => {}
        }
    }
}

impl Span {
    fn new(now: Instant) -> Self {
        Self { last: now, time: Duration::ZERO, bytes: 0.0, waits: 0, vain: 0 }
    }
}

#[cfg(test)]
impl BusyPoll {
    /// Returns what a process knows that has learnt to stay awake, with the time at which it does.
    pub(super) fn learnt() -> (&'static Self, Instant) {
        let busy_poll: &'static Self = Box::leak(Box::new(Self::new()));
        let mut now = Instant::now();
        while busy_poll.trial().compared < KNOWN || busy_poll.trial().place < 2 {
            let pays = busy_poll.pays.load(Ordering::Relaxed);
            now += Duration::from_micros(if pays { 40 } else { 44 });
            busy_poll.note(1000, now);
        }
        (busy_poll, now)
    }

    /// Returns how often a driver has polled in vain lately, and whether one polls now.
    #[cfg(not(shuttle))]
    pub(super) fn looks(&self) -> (u32, bool) {
        (self.trial().span.map_or(0, |span| span.vain), self.taken.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers to many callers, each at some time after the one before.
    struct Answers {
        trial: Trial,
        now: Instant,
    }

    impl Answers {
        fn new() -> Self {
            Self { trial: Trial::new(), now: Instant::now() }
        }

        /// Has answers come for so many ms, each after so many µs for who sleeps and for who stays
        /// awake; returns the part of the time in which one did.
        fn come(&mut self, for_ms: u64, asleep: u64, awake: u64) -> f64 {
            let end = self.now + Duration::from_millis(for_ms);
            let (begin, mut waited) = (self.now, Duration::ZERO);
            while self.now < end {
                let pays = self.trial.pays();
                let after = Duration::from_micros(if pays { awake } else { asleep });
                self.pass(after, pays);
                waited += if pays { after } else { Duration::ZERO };
            }
            waited.as_secs_f64() / (self.now - begin).as_secs_f64()
        }

        fn pass(&mut self, after: Duration, pays: bool) {
            self.now += after;
            self.trial.note(1000, pays, self.now);
        }
    }

    #[test]
    fn where_answers_come_faster_for_it_one_stays_awake() {
        let mut answers = Answers::new();
        let first = answers.come(200, 44, 40);
        assert!(
            (0.3..0.7).contains(&first),
            "not compared at first: awake for {first} of the time"
        );
        answers.come(300, 44, 40);
        let then = answers.come(2000, 44, 40);
        assert!(then > 0.9, "awake for {then} of the time");
    }

    #[test]
    fn where_they_do_not_one_sleeps() {
        for awake in [40, 39, 60] {
            let mut answers = Answers::new();
            answers.come(500, 40, awake);
            let then = answers.come(2000, 40, awake);
            assert!((0.01..0.1).contains(&then), "{awake} µs: awake for {then} of the time");
        }
    }

    #[test]
    fn what_was_learnt_is_unlearnt() {
        let mut answers = Answers::new();
        answers.come(1000, 44, 40);
        answers.come(10_000, 40, 40);
        assert!(answers.come(2000, 40, 40) < 0.1);
        answers.come(10_000, 44, 40);
        assert!(answers.come(2000, 44, 40) > 0.9);
    }

    #[test]
    fn a_long_time_between_two_answers_has_other_reasons() {
        let mut answers = Answers::new();
        for _ in 0..1000 {
            answers.come(4, 44, 40);
            let pays = answers.trial.pays();
            // Never while one sleeps.
            answers.pass(Duration::from_micros(if pays { 3000 } else { 44 }), pays);
        }
        let then = answers.come(1000, 44, 40);
        assert!(then > 0.9, "awake for {then} of the time");
    }

    #[test]
    fn answers_in_bursts_teach_nothing() {
        let mut answers = Answers::new();
        for _ in 0..1000 {
            answers.come(4, 44, 10);
            answers.now += Duration::from_millis(20);
        }
        assert_eq!(answers.trial.compared, 0);
        assert!(!answers.trial.pays());
    }

    #[test]
    fn one_driver_polls_at_a_time() {
        let (busy_poll, now) = BusyPoll::learnt();
        let polling = busy_poll.begin(now).unwrap();
        assert!(busy_poll.begin(now).is_none());
        assert!(busy_poll.begin(now).is_none(), "who is refused gives back what another has");
        drop(polling);
        assert!(busy_poll.begin(now).is_some());
    }

    #[test]
    fn it_polls_until_nothing_has_come_for_a_while() {
        let (busy_poll, mut now) = BusyPoll::learnt();
        let mut polling = busy_poll.begin(now).unwrap();
        for _ in 0..10 {
            now += PATIENCE / 2;
            polling = polling.goes_on(now).unwrap();
            // To another caller, as well as to its own.
            busy_poll.note(1000, now);
        }
        polling = polling.goes_on(now + PATIENCE / 2).unwrap();
        assert!(polling.goes_on(now + 2 * PATIENCE).is_none());
        assert!(busy_poll.begin(now).is_some(), "the right to poll is not given back");
    }

    #[test]
    fn who_polls_in_vain_leaves_it_for_a_while() {
        let (busy_poll, now) = BusyPoll::learnt();
        let vain = |_: &usize| match busy_poll.begin(now) {
            Some(polling) => polling.goes_on(now + PATIENCE).is_none(),
            None => false,
        };
        assert_eq!((0..100).take_while(vain).count(), VAIN as usize + 1);
    }
}
