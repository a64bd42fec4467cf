//! How fresh an entry is, from the life that its store says is left. Nothing else decides that.
//!
//! An entry is stored for its time to live and the grace behind it. What is left beyond the grace is
//! fresh; what is left of the grace is stale. So no entry carries a date of its own, and any client
//! of the same servers may read and write it.

use std::time::Duration;

use crate::wire::TtlLeft;

/// How fresh an entry is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Freshness {
    Fresh,
    /// Fresh, and about to end: whoever sees that may refresh it before anybody has to wait.
    Ending,
    /// Within the grace.
    Stale,
}

/// A store that counts whole seconds may end an item within the one that it still tells.
const TOLD: Duration = Duration::from_secs(1);

/// Judges an entry of which so much life is left, and which took so long to load.
///
/// An entry is taken for ending by chance, the likelier the nearer its end is and the longer its load
/// takes, so that of many readers one is soon the first (Vattani, Chierichetti and Lowenstein,
/// "Optimal Probabilistic Cache Stampede Prevention", VLDB 2015). `chance` is uniform in (0, 1].
pub(super) fn judge(
    left: TtlLeft,
    grace: Duration,
    load_time: Option<Duration>,
    chance: f64,
) -> Freshness {
    let TtlLeft::Left(left) = left else { return Freshness::Fresh };
    let Some(fresh) = left.checked_sub(grace).filter(|fresh| !fresh.is_zero() || grace.is_zero())
    else {
        return Freshness::Stale;
    };
    let Some(load_time) = load_time else { return Freshness::Fresh };
    let ahead = load_time.as_secs_f64() * -chance.max(f64::MIN_POSITIVE).ln();
    if fresh.as_secs_f64() <= TOLD.as_secs_f64() + ahead {
        Freshness::Ending
    } else {
        Freshness::Fresh
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOAD: Option<Duration> = Some(Duration::from_millis(500));

    fn left(seconds: u64) -> TtlLeft {
        TtlLeft::Left(Duration::from_secs(seconds))
    }

    fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn what_is_left_of_the_grace_is_stale() {
        assert_eq!(judge(left(61), secs(60), None, 0.5), Freshness::Fresh);
        assert_eq!(judge(left(60), secs(60), None, 0.5), Freshness::Stale);
        assert_eq!(judge(left(1), secs(60), None, 0.5), Freshness::Stale);
    }

    #[test]
    fn without_grace_nothing_is_stale() {
        assert_eq!(judge(left(0), secs(0), None, 0.5), Freshness::Fresh);
        assert_eq!(judge(TtlLeft::Never, secs(60), LOAD, 0.5), Freshness::Fresh);
        assert_eq!(judge(TtlLeft::Unknown, secs(60), LOAD, 0.5), Freshness::Fresh);
    }

    #[test]
    fn an_entry_that_took_long_to_load_is_ending_sooner() {
        assert_eq!(judge(left(61), secs(60), LOAD, 1.0), Freshness::Ending, "the last second");
        assert_eq!(judge(left(63), secs(60), LOAD, 0.5), Freshness::Fresh);
        assert_eq!(judge(left(63), secs(60), LOAD, 0.01), Freshness::Ending);
        assert_eq!(judge(left(63), secs(60), Some(secs(10)), 0.5), Freshness::Ending);
        assert_eq!(judge(left(660), secs(60), LOAD, f64::MIN_POSITIVE), Freshness::Fresh);
    }
}
