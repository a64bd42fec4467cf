//! Keeping what was loaded: with the right under which it was loaded, or not at all.
//!
//! A load runs while others write and invalidate. What it brings is stored over the version that its
//! lease has, so the backend refuses it where anybody has changed the entry since; where there are no
//! leases, this process's own changes alone are seen ([`Generations`](super::generations)), and wait
//! for the writes of loads that are on their way ([`OnWay`](super::on_way)).

use std::time::Duration;

use tokio::sync::oneshot;

use super::{core::Core, flight::Moment, held::HeldLease};
use crate::{
    backend::{CacheBackend, Capabilities, Delete, Set, Written},
    error::{Delivery, Error, Result},
    wire::{CasToken, Deleted, Key, Ttl, TtlLeft, Value},
};

/// The right under which an entry is loaded.
#[must_use]
pub(super) enum Right {
    /// The lease that one of all processes has.
    Lease(HeldLease),
    /// To write over this version, and no other.
    Over(CasToken),
    /// To win a lease on what is fresh, with this life left and of this version.
    Early(TtlLeft, Option<CasToken>),
    /// The backend knows neither leases nor versions.
    Unguarded,
    /// The backend cannot be reached; writing to it would be a second wait.
    Near,
    /// Another has the right; what is loaded is the caller's alone.
    Nowhere,
}

/// What there is to keep of a load.
pub(super) enum Outcome {
    Keep(Value, Ttl),
    /// There is no such thing, and that is not kept.
    Gone,
    /// Nothing, though there is such a thing.
    Nothing,
}

/// A load that has brought something.
pub(super) struct Done {
    pub(super) key: Key,
    pub(super) right: Right,
    pub(super) generation: u64,
    pub(super) began: Moment,
    pub(super) outcome: Outcome,
    /// How long a copy may be near at most, where the plan says so.
    pub(super) near: Option<Duration>,
    /// Whether the entry is known to be out of date, so that whatever another has stored meanwhile is
    /// not to stay.
    pub(super) forced: bool,
}

impl Right {
    pub(super) fn over(cas: Option<CasToken>) -> Self {
        cas.map_or(Self::Unguarded, Self::Over)
    }

    /// Returns the version to write over.
    fn version(&self) -> Option<CasToken> {
        match self {
            Self::Lease(lease) => lease.version(),
            Self::Over(cas) => Some(*cas),
            Self::Early(..) | Self::Unguarded | Self::Near | Self::Nowhere => None,
        }
    }

    /// Says whether nothing but a stub is there.
    fn is_of_stub(&self) -> bool {
        matches!(self, Self::Lease(lease) if lease.is_of_stub())
    }

    /// Ends the right, as it was used or lost.
    fn ended(self) {
        if let Self::Lease(lease) = self {
            lease.end();
        }
    }

    /// Gives back what others wait for; true where the backend says that nothing changed until then.
    pub(super) async fn release(self) -> bool {
        match self {
            Self::Lease(lease) => lease.release().await,
            _ => false,
        }
    }
}

impl Core {
    /// Keeps what a load brought, and returns the moment up to which it holds.
    pub(super) async fn fill(&self, done: Done) -> Moment {
        self.fill_and_tell(done).await.0
    }

    /// Keeps what a load brought, and returns also what the write came to, if there was one.
    pub(super) async fn fill_and_tell(&self, done: Done) -> (Moment, Option<Result<Written>>) {
        let asked = self.flights.moment();
        let written = match self.write(&done) {
            Some((value, how)) if self.is_guarded(how) => {
                Some(self.backend().set(&done.key, value, how).await)
            }
            Some(write) => self.send_unguarded(vec![(&done, write)]).await.pop(),
            None => None,
        };
        let told = written.clone();
        (self.settle(done, written, asked).await, told)
    }

    /// Keeps what many loads brought in one go, and returns the moments up to which they hold.
    pub(super) async fn fill_many(&self, done: Vec<Done>) -> Vec<Moment> {
        let asked = self.flights.moment();
        let (mut guarded, mut unguarded, mut kinds) = (Vec::new(), Vec::new(), Vec::new());
        for done in &done {
            kinds.push(self.write(done).map(|(value, how)| {
                let is_guarded = self.is_guarded(how);
                if is_guarded {
                    guarded.push((done.key.clone(), value, how));
                } else {
                    unguarded.push((done, (value, how)));
                }
                is_guarded
            }));
        }
        let mut guarded = if guarded.is_empty() {
            Vec::new().into_iter()
        } else {
            self.backend().set_many(guarded).await.into_iter()
        };
        let mut unguarded = self.send_unguarded(unguarded).await.into_iter();
        let mut moments = Vec::with_capacity(done.len());
        for (done, kind) in done.into_iter().zip(kinds) {
            let written = match kind {
                Some(true) => guarded.next(),
                Some(false) => unguarded.next(),
                None => None,
            };
            moments.push(self.settle(done, written, asked).await);
        }
        moments
    }

    /// Says whether the backend refuses the write where anybody has changed the entry.
    fn is_guarded(&self, how: Set) -> bool {
        how.cas.is_some() || self.has_leases()
    }

    /// Writes what nothing in the backend guards: to the end, whether the caller waits for it or not,
    /// and only where nobody in this process changes the entry meanwhile.
    async fn send_unguarded(&self, writes: Vec<(&Done, (Value, Set))>) -> Vec<Result<Written>> {
        let (mut entries, mut filling, mut sent) = (Vec::new(), Vec::new(), Vec::new());
        for (done, (value, how)) in writes {
            // Looked at again, as it may have been changed until it was noted.
            let guard = self.on_way.fill(&done.key).filter(|_| self.is_current(done));
            sent.push(guard.is_some());
            if let Some(guard) = guard {
                filling.push(guard);
                entries.push((done.key.clone(), value, how));
            }
        }
        let mut written = Vec::new().into_iter();
        if !entries.is_empty() {
            let (tell, told) = oneshot::channel();
            let backend = self.backend().clone();
            self.spawn(async move {
                let written = backend.set_many(entries).await;
                drop(filling);
                // The caller may have left.
                _ = tell.send(written);
            });
            written = told.await.unwrap_or_default().into_iter();
        }
        let outcome = |sent: bool| {
            if !sent {
                return Ok(Written::NotStored);
            }
            written.next().unwrap_or_else(|| Err(Error::closed(Delivery::Unknown, None)))
        };
        sent.into_iter().map(outcome).collect()
    }

    /// Returns what is to be written, if this process's own changes allow it.
    fn write(&self, done: &Done) -> Option<(Value, Set)> {
        let Outcome::Keep(value, ttl) = &done.outcome else { return None };
        let writes = match done.right {
            Right::Lease(_) | Right::Over(_) | Right::Unguarded => true,
            Right::Early(..) | Right::Near | Right::Nowhere => false,
        };
        // Without its version a load fills over what has changed since it began.
        let cas = done.right.version().filter(|_| !cfg!(memclient_planted = "fill"));
        let how = Set { cas, near: done.near, ..Set::ttl(*ttl) };
        (writes && self.is_current(done)).then(|| (value.clone(), how))
    }

    /// Does what remains after a load was written, or was not to be; what was asked of the backend
    /// was asked no sooner than at `asked`.
    async fn settle(&self, done: Done, written: Option<Result<Written>>, asked: Moment) -> Moment {
        let began = done.began;
        let holds = match written {
            None => self.settle_unwritten(done, asked).await,
            Some(Ok(written)) => {
                self.worked();
                if written.is_stored() {
                    self.counters.stores.add_one();
                    self.settle_stored(done, asked).await
                } else {
                    self.counters.lost_leases.add_one();
                    if done.forced {
                        self.delete(&done.key, Delete::default()).await;
                    }
                    done.right.ended();
                    None
                }
            }
            Some(Err(error)) => {
                self.failed(&error);
                if error.is_retryable() {
                    self.keep_near(done).await;
                }
                None
            }
        };
        holds.unwrap_or(began)
    }

    async fn settle_stored(&self, done: Done, asked: Moment) -> Option<Moment> {
        if done.right.version().is_some() {
            done.right.ended();
            return Some(asked);
        }
        if self.is_current(&done) {
            return Some(self.flights.moment());
        }
        // An invalidation that came while the value was on its way may have been overtaken by it.
        self.delete(&done.key, Delete::default()).await;
        None
    }

    async fn settle_unwritten(&self, done: Done, asked: Moment) -> Option<Moment> {
        match (&done.outcome, &done.right) {
            (_, Right::Nowhere) if done.forced => {
                self.delete(&done.key, Delete::default()).await;
                None
            }
            (_, Right::Early(..) | Right::Nowhere) => None,
            _ if !self.is_current(&done) => None,
            (Outcome::Keep(..), _) => {
                self.keep_near(done).await;
                Some(self.flights.moment())
            }
            (_, Right::Near) => Some(self.flights.moment()),
            (Outcome::Gone, right) if !right.is_of_stub() => {
                let can = self.backend().capabilities().contains(Capabilities::CAS_DELETE);
                let cas = right.version().filter(|_| can);
                let gone = self.delete(&done.key, Delete { cas, ..Delete::default() }).await;
                done.right.ended();
                (gone && cas.is_some()).then_some(asked)
            }
            (_, Right::Unguarded) => Some(self.flights.moment()),
            _ => done.right.release().await.then_some(asked),
        }
    }

    /// Keeps a value in this process alone, as the backend cannot be reached.
    async fn keep_near(&self, done: Done) {
        let Outcome::Keep(value, ttl) = done.outcome else { return };
        let ttl = match (done.near, ttl) {
            (None, ttl) => ttl,
            (Some(near), Ttl::After(life)) => Ttl::After(life.min(near)),
            (Some(near), Ttl::Never) => Ttl::After(near),
            (Some(_), Ttl::At(_) | Ttl::Immediately) => Ttl::Immediately,
        };
        self.backend().keep_near(&done.key, value, ttl).await;
    }

    /// Deletes; false where the entry had changed before, or may be there as it was.
    pub(super) async fn delete(&self, key: &Key, how: Delete) -> bool {
        match self.backend().delete(key, how).await {
            Ok(deleted) => {
                self.worked();
                deleted == Deleted::Deleted
            }
            Err(error) => {
                self.failed(&error);
                false
            }
        }
    }

    /// Says whether this process has written or invalidated nothing since the load began.
    fn is_current(&self, done: &Done) -> bool {
        self.generations.current(done.key.as_bytes()) == done.generation
    }
}
