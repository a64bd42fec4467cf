//! What a bad network, or a bad machine in it, does once to the replies of a connection.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use fastrand::Rng;

/// How long a delay or a stall lasts.
pub(crate) const PAUSE: Duration = Duration::from_millis(40);

/// How many bytes trickle one by one, and the time between two of them.
pub(crate) const TRICKLE: (usize, Duration) = (60, Duration::from_millis(1));

/// One thing that goes wrong on a connection, at one byte of its replies.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Mischief {
    /// Keeps what follows back for a while.
    Delay,
    /// Passes the next bytes on one by one.
    Trickle,
    /// Resets the connection.
    Reset,
    /// Ends the replies in good order, and takes requests on.
    HalfClose,
    /// Loses all replies from here on, and ends nothing.
    BlackHole,
    /// Passes what arrives next on twice.
    Duplicate,
    /// Leaves up to three bytes out. No line of the protocol is shorter than five, so what is left
    /// is no other reply.
    Truncate,
    /// Overwrites a few bytes with others, which have no place in the protocol outside of values.
    Garbage,
    /// Sends a reply that nobody asked for.
    Extra,
    /// Accepts no connection for a while.
    Stall,
}

impl Mischief {
    /// All of them, in the order of their declaration.
    pub const ALL: [Self; 10] = [
        Self::Delay,
        Self::Trickle,
        Self::Reset,
        Self::HalfClose,
        Self::BlackHole,
        Self::Duplicate,
        Self::Truncate,
        Self::Garbage,
        Self::Extra,
        Self::Stall,
    ];

    /// Those that lose and delay: what arrives was sent so.
    pub const HONEST: [Self; 6] =
        [Self::Delay, Self::Trickle, Self::Reset, Self::HalfClose, Self::BlackHole, Self::Stall];

    /// Returns the bytes that arrive in the place of `bytes`, when it happens at `at`.
    pub(crate) fn twist(self, bytes: &[u8], at: usize, rng: &mut Rng) -> Vec<u8> {
        let (before, behind) = bytes.split_at(at);
        let most = if self == Self::Truncate { 3 } else { 8 };
        let few = rng.usize(1..=most).min(behind.len());
        match self {
            Self::Duplicate => [bytes, bytes].concat(),
            Self::Truncate => [before, &behind[few..]].concat(),
            Self::Garbage => {
                let noise: Vec<u8> = (0..few).map(|_| rng.u8(0x80..)).collect();
                [before, &noise, &behind[few..]].concat()
            }
            Self::Extra => {
                let replies: [&[u8]; 4] = [b"HD\r\n", b"EN\r\n", b"END\r\n", b"VA 1\r\nx\r\n"];
                [bytes, replies[rng.usize(..replies.len())]].concat()
            }
            _ => bytes.to_vec(),
        }
    }
}

/// How often each thing has happened.
#[derive(Debug, Default)]
pub(crate) struct Counts([AtomicU64; Mischief::ALL.len()]);

impl Counts {
    pub(crate) fn count(&self, mischief: Mischief) {
        self.0[mischief as usize].fetch_add(1, Ordering::SeqCst);
    }

    pub(crate) fn of(&self, mischief: Mischief) -> u64 {
        self.0[mischief as usize].load(Ordering::SeqCst)
    }
}
