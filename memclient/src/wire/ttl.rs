use std::{
    error::Error,
    fmt,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// The longest relative time that memcached takes: from one second more it reads a date
/// (protocol.txt).
const RELATIVE_LIMIT: u64 = 60 * 60 * 24 * 30;

/// How long an item lives.
///
/// memcached counts whole seconds and reads numbers beyond 30 days as dates. A `Ttl` is what was
/// meant: durations are rounded up to whole seconds, long ones become dates, and what the server
/// would misread is refused.
///
/// ```
/// use std::time::Duration;
/// use memclient::Ttl;
///
/// let ttl = Ttl::from(Duration::from_secs(600));
/// assert_eq!(ttl, Ttl::After(Duration::from_secs(600)));
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum Ttl {
    /// The item lives until it is evicted or deleted.
    #[default]
    Never,
    /// The item lives this long, rounded up to whole seconds; a zero duration is
    /// [`Ttl::Immediately`].
    After(Duration),
    /// The item lives until this time, rounded up to whole seconds; a time that has passed is at
    /// once.
    At(SystemTime),
    /// The item expires at once.
    Immediately,
}

impl Ttl {
    /// Returns a time to live of this many seconds.
    pub const fn secs(seconds: u64) -> Self {
        Self::After(Duration::from_secs(seconds))
    }

    /// Returns the number that the server reads as this time to live.
    ///
    /// # Errors
    /// A [`TtlError`] when the item would have to live beyond the 19th of January 2038, the last
    /// date that memcached can count.
    pub(crate) fn to_wire(self, now: SystemTime) -> Result<i32, TtlError> {
        let seconds = match self {
            Self::Never => return Ok(0),
            Self::Immediately | Self::After(Duration::ZERO) => return Ok(-1),
            Self::After(after) => match whole_seconds(after) {
                seconds if seconds <= RELATIVE_LIMIT => seconds,
                seconds => whole_seconds(since_epoch(now)).saturating_add(seconds),
            },
            Self::At(time) if time <= now => return Ok(-1),
            Self::At(time) => whole_seconds(since_epoch(time)),
        };
        i32::try_from(seconds).map_err(|_| TtlError { seconds })
    }

    /// Returns the time that is left at `now`: `None` for ever, zero for at once.
    pub(crate) fn left(self, now: SystemTime) -> Option<Duration> {
        match self {
            Self::Never => None,
            Self::Immediately => Some(Duration::ZERO),
            Self::After(after) => Some(Duration::from_secs(whole_seconds(after))),
            Self::At(time) => Some(time.duration_since(now).unwrap_or_default()),
        }
    }
}

impl From<Duration> for Ttl {
    fn from(after: Duration) -> Self {
        Self::After(after)
    }
}

impl From<SystemTime> for Ttl {
    fn from(time: SystemTime) -> Self {
        Self::At(time)
    }
}

impl fmt::Display for Ttl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Never => f.write_str("never"),
            Self::After(after) => write!(f, "after {after:?}"),
            Self::At(time) => write!(f, "at unix time {}", since_epoch(*time).as_secs()),
            Self::Immediately => f.write_str("immediately"),
        }
    }
}

/// How long an item will live on.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum TtlLeft {
    /// The backend does not say.
    #[default]
    Unknown,
    /// Until it is evicted or deleted.
    Never,
    /// This long.
    Left(Duration),
}

impl TtlLeft {
    /// Reads the seconds that a server tells; -1 for ever.
    pub(crate) fn of_seconds(seconds: i64) -> Self {
        u64::try_from(seconds).map_or(Self::Never, |left| Self::Left(Duration::from_secs(left)))
    }
}

/// A time to live that memcached cannot count. Nothing was sent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct TtlError {
    seconds: u64,
}

impl fmt::Display for TtlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the item would expire at unix time {}, beyond 2038-01-19, the last date memcached counts: use `Ttl::Never`",
            self.seconds
        )
    }
}

impl Error for TtlError {}

fn whole_seconds(duration: Duration) -> u64 {
    duration.as_secs().saturating_add(u64::from(duration.subsec_nanos() > 0))
}

fn since_epoch(time: SystemTime) -> Duration {
    time.duration_since(UNIX_EPOCH).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wire(ttl: impl Into<Ttl>) -> Result<i32, TtlError> {
        ttl.into().to_wire(UNIX_EPOCH + Duration::from_secs(1_800_000_000))
    }

    #[test]
    fn durations_round_up_to_whole_seconds() {
        assert_eq!(wire(Duration::from_millis(1)), Ok(1));
        assert_eq!(wire(Duration::from_millis(1_001)), Ok(2));
        assert_eq!(wire(Duration::from_secs(2)), Ok(2));
    }

    #[test]
    fn beyond_30_days_a_duration_becomes_a_date() {
        assert_eq!(wire(Ttl::secs(RELATIVE_LIMIT)), Ok(2_592_000));
        assert_eq!(wire(Ttl::secs(RELATIVE_LIMIT + 1)), Ok(1_802_592_001));
    }

    #[test]
    fn never_and_at_once_are_said_and_not_computed() {
        assert_eq!(wire(Ttl::Never), Ok(0));
        assert_eq!(wire(Ttl::Immediately), Ok(-1));
        assert_eq!(wire(Duration::ZERO), Ok(-1));
        assert_eq!(wire(UNIX_EPOCH), Ok(-1));
        assert_eq!(wire(UNIX_EPOCH + Duration::from_secs(1_800_000_000)), Ok(-1));
    }

    #[test]
    fn every_number_of_seconds_keeps_its_meaning_or_is_refused() {
        for seconds in
            (0..64).flat_map(|bit| [(1u64 << bit) - 1, 1 << bit, (1 << bit) + 1]).chain([u64::MAX])
        {
            let limit = u64::from(i32::MAX.unsigned_abs());
            match wire(Ttl::secs(seconds)) {
                Ok(-1) => assert_eq!(seconds, 0),
                Ok(sent) => {
                    let sent = u64::try_from(sent).unwrap();
                    let meant = if sent <= RELATIVE_LIMIT { sent } else { sent - 1_800_000_000 };
                    assert_eq!(meant, seconds);
                }
                Err(_) => assert!(1_800_000_000u64.saturating_add(seconds) > limit),
            }
        }
    }
}
