use std::time::Duration;

use memclient_serde::Compression;

use crate::{backend::LeaseTerms, wire::Ttl};

/// How entries are kept. What is not set is taken from the cache's own policy, and that from the
/// defaults.
///
/// ```
/// use std::time::Duration;
/// use memclient::Policy;
///
/// let policy = Policy::new().ttl(Duration::from_secs(600)).none(Duration::from_secs(30));
/// # let _ = policy;
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[must_use]
pub struct Policy {
    ttl: Option<Ttl>,
    none: Option<Duration>,
    grace: Option<Duration>,
    early: Option<bool>,
    jitter: Option<u8>,
    soft_timeout: Option<Duration>,
    timeout: Option<Duration>,
    throttle: Option<Duration>,
    lease: Option<Duration>,
    near: Option<Duration>,
    single_flight: Option<bool>,
    compression: Option<Compression>,
}

impl Policy {
    /// What holds where nobody says otherwise: long enough to take load away, short enough that a
    /// forgotten invalidation heals by itself.
    const DEFAULT_TTL: Ttl = Ttl::secs(5 * 60);

    /// How long a stale entry whose refresh failed is left alone: long enough that a loader in
    /// trouble is not asked by every caller, short enough that its recovery is soon seen.
    const DEFAULT_THROTTLE: Duration = Duration::from_secs(1);

    /// How long a refresh in the background may take; one that hangs would else be the last.
    const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

    /// How long one process may take to load an entry before another tries: longer than most loads
    /// take, short enough that a process that is killed meanwhile is soon replaced.
    const DEFAULT_LEASE: Duration = Duration::from_secs(5);

    /// Returns a policy that sets nothing.
    pub const fn new() -> Self {
        Self {
            ttl: None,
            none: None,
            grace: None,
            early: None,
            jitter: None,
            soft_timeout: None,
            timeout: None,
            throttle: None,
            lease: None,
            near: None,
            single_flight: None,
            compression: None,
        }
    }

    /// Returns a policy under which entries live for so long.
    pub(crate) const fn lasting(ttl: Duration) -> Self {
        Self { ttl: Some(Ttl::After(ttl)), ..Self::new() }
    }

    /// Sets how long entries live. Defaults to 5 minutes.
    pub fn ttl(mut self, ttl: impl Into<Ttl>) -> Self {
        self.ttl = Some(ttl.into());
        self
    }

    /// Keeps the answer "there is none" too, for this long. Defaults to not keeping it.
    pub const fn none(mut self, ttl: Duration) -> Self {
        self.none = Some(ttl);
        self
    }

    /// Keeps entries for this long beyond their time to live, as stale ones: they are answered while
    /// one caller loads the entry again, and where its loader fails or is slow. Defaults to zero:
    /// nothing stale is ever answered.
    ///
    /// What is stored lives for both together, so another client of the same servers sees an entry
    /// until the grace is over. An entry without an end has no grace.
    pub const fn grace(mut self, grace: Duration) -> Self {
        self.grace = Some(grace);
        self
    }

    /// Loads an entry again shortly before its time to live ends, so that nobody waits for that:
    /// sooner the longer its last load took. Only calls that may load in the background do so.
    /// Defaults to on.
    pub const fn early(mut self, on: bool) -> Self {
        self.early = Some(on);
        self
    }

    /// Shortens each time to live by chance, by up to so many percent, so that what was stored at
    /// once does not end at once. Defaults to zero.
    pub const fn jitter(mut self, percent: u8) -> Self {
        self.jitter = Some(percent);
        self
    }

    /// Waits so long for the loader where there is a stale entry to answer with; then answers that.
    /// A loader that is the caller's own is dropped then, one in the background goes on. Defaults to
    /// waiting for the loader, and not at all for one in the background.
    pub const fn soft_timeout(mut self, timeout: Duration) -> Self {
        self.soft_timeout = Some(timeout);
        self
    }

    /// Bounds a load in the background; one that takes longer is dropped and has failed. Defaults to
    /// 30 seconds.
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Leaves a stale entry alone for so long after loading it again has failed. Defaults to 1
    /// second.
    pub const fn throttle(mut self, pause: Duration) -> Self {
        self.throttle = Some(pause);
        self
    }

    /// Sets for how long one process has the right to load a missing entry while the others wait for
    /// it, where the backend has leases. A process that fails to load gives the right up at once; of
    /// one that is killed, it passes on after this time. A load that takes longer is kept only if no
    /// other process has begun one. Rounded up to whole seconds. Defaults to 5 seconds.
    pub const fn lease(mut self, time: Duration) -> Self {
        self.lease = Some(time);
        self
    }

    /// Keeps copies in this process's memory for so long at most, where the cache has servers behind
    /// it: the shorter of this and the cache's own near time. Zero keeps none, so that each read is
    /// answered by the servers. Defaults to the cache's own near time.
    pub const fn near(mut self, at_most: Duration) -> Self {
        self.near = Some(at_most);
        self
    }

    /// Has callers who find nothing wait for the one who loads it, in this process and others.
    /// Without that each of them loads for itself, and the first result is kept: for loads that are
    /// cheaper than waiting. Defaults to waiting.
    pub const fn single_flight(mut self, on: bool) -> Self {
        self.single_flight = Some(on);
        self
    }

    /// Sets how values are compressed when they are stored; reading them needs no setting. Defaults
    /// to not at all.
    pub const fn compression(mut self, compression: Compression) -> Self {
        self.compression = Some(compression);
        self
    }

    /// Returns this policy with what it does not set taken from `base`.
    pub(crate) fn over(self, base: Self) -> Self {
        Self {
            ttl: self.ttl.or(base.ttl),
            none: self.none.or(base.none),
            grace: self.grace.or(base.grace),
            early: self.early.or(base.early),
            jitter: self.jitter.or(base.jitter),
            soft_timeout: self.soft_timeout.or(base.soft_timeout),
            timeout: self.timeout.or(base.timeout),
            throttle: self.throttle.or(base.throttle),
            lease: self.lease.or(base.lease),
            near: self.near.or(base.near),
            single_flight: self.single_flight.or(base.single_flight),
            compression: self.compression.or(base.compression),
        }
    }

    /// Under it no answer that is kept is too old.
    pub(crate) const AGELESS: Self = Self::new().grace(Duration::ZERO).early(false);

    /// Says whether this policy over `base` has the age of an answer count; `early` is whether one may
    /// be loaded again before it ends.
    #[inline]
    pub(crate) fn looks_at_age(&self, base: &Self, early: bool) -> bool {
        let grace = self.grace.or(base.grace).unwrap_or_default();
        !grace.is_zero() || (early && self.early.or(base.early).unwrap_or(true))
    }

    /// Returns how long a value is stored: its time to live, shortened by chance, and the grace.
    pub(crate) fn stored_ttl(self) -> Ttl {
        match self.value_ttl() {
            Ttl::After(life) if !life.is_zero() => {
                let most = f64::from(self.jitter.unwrap_or(0).min(100)) / 100.0;
                let life = life.mul_f64(1.0 - most * fastrand::f64());
                Ttl::After(life.saturating_add(self.grace_time()))
            }
            Ttl::At(end) => Ttl::At(end.checked_add(self.grace_time()).unwrap_or(end)),
            ttl @ (Ttl::After(_) | Ttl::Never | Ttl::Immediately) => ttl,
        }
    }

    fn value_ttl(self) -> Ttl {
        self.ttl.unwrap_or(Self::DEFAULT_TTL)
    }

    /// Returns the whole life that a value is stored with, where that is the same for all.
    pub(crate) fn whole_life(self) -> Option<Duration> {
        match self.value_ttl() {
            Ttl::After(life) if self.jitter.is_none_or(|percent| percent == 0) => {
                Some(life.saturating_add(self.grace_time()))
            }
            Ttl::After(_) | Ttl::At(_) | Ttl::Never | Ttl::Immediately => None,
        }
    }

    /// Returns the whole life that "there is none" is stored with.
    pub(crate) fn none_life(self) -> Option<Duration> {
        self.none
    }

    /// Returns how long a value is kept beyond its time to live.
    pub(crate) fn grace_time(self) -> Duration {
        self.grace.unwrap_or_default()
    }

    /// Says whether a value that is stale may be an answer.
    pub(crate) fn answers_stale(self) -> bool {
        !self.grace_time().is_zero()
    }

    /// Says whether a value may be loaded again before it ends.
    pub(crate) fn refreshes_early(self) -> bool {
        self.early.unwrap_or(true)
    }

    /// Returns how long a caller with a stale value waits for a better one.
    pub(crate) fn patience(self) -> Option<Duration> {
        self.soft_timeout
    }

    /// Returns how long a load in the background may take.
    pub(crate) fn background_timeout(self) -> Duration {
        self.timeout.unwrap_or(Self::DEFAULT_TIMEOUT)
    }

    /// Returns on what terms a process asks to be the one that loads an entry.
    pub(crate) fn lease_terms(self) -> LeaseTerms {
        // From the last fresh second on, so that whatever is stale has been offered to somebody.
        let stale = self.grace.filter(|grace| !grace.is_zero());
        let recache = stale.map(|grace| grace.saturating_add(Duration::from_secs(1)));
        LeaseTerms { vivify: self.lease_time(), recache }
    }

    /// Returns how long other processes wait for the one that loads.
    pub(crate) fn lease_time(self) -> Duration {
        self.lease.unwrap_or(Self::DEFAULT_LEASE).max(Duration::from_secs(1))
    }

    /// Returns for how long a stale value is left alone after a failure.
    pub(crate) fn throttle_time(self) -> Duration {
        self.throttle.unwrap_or(Self::DEFAULT_THROTTLE)
    }

    /// Returns for how long copies may be near at most, if the cache's own near time is not to decide.
    pub(crate) fn near_time(self) -> Option<Duration> {
        self.near
    }

    /// Says whether callers wait for one another's loads.
    pub(crate) fn shares_loads(self) -> bool {
        self.single_flight.unwrap_or(true)
    }

    /// Returns how values are compressed.
    pub(crate) fn value_compression(self) -> Compression {
        self.compression.unwrap_or(Compression::NONE)
    }

    /// Returns how long "there is none" lives, if it is kept at all.
    pub(crate) fn none_ttl(self) -> Option<Ttl> {
        self.none.map(Ttl::After)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stored_lives_for_its_time_and_the_grace() {
        let policy = Policy::new().ttl(Duration::from_secs(60)).grace(Duration::from_secs(30));
        assert_eq!(policy.stored_ttl(), Ttl::secs(90));
        assert_eq!(policy.ttl(Ttl::Never).stored_ttl(), Ttl::Never);
        assert_eq!(policy.ttl(Duration::ZERO).stored_ttl(), Ttl::After(Duration::ZERO));
        let lives = (0..1000).map(|_| match policy.jitter(50).stored_ttl() {
            Ttl::After(life) => life.as_secs_f64(),
            ttl => panic!("{ttl:?}"),
        });
        let (least, most) =
            lives.fold((f64::MAX, 0f64), |(least, most), life| (least.min(life), most.max(life)));
        assert!((60.0..62.0).contains(&least) && (88.0..=90.0).contains(&most), "{least} {most}");
    }

    #[test]
    fn what_is_nearer_to_the_call_wins() {
        let base = Policy::new().ttl(Duration::from_secs(1)).none(Duration::from_secs(2));
        let policy = Policy::new().ttl(Duration::from_secs(3)).over(base);
        assert_eq!(policy.value_ttl(), Ttl::secs(3));
        assert_eq!(policy.none_ttl(), Some(Ttl::secs(2)));
        let off = Policy::new().compression(Compression::NONE);
        assert_eq!(off.over(base.compression(off.value_compression())), off.over(base));
        assert_eq!(Policy::new().none_ttl(), None);
        assert_eq!(Policy::new().value_ttl(), Policy::DEFAULT_TTL);
    }
}
