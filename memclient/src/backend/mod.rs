//! What the caching engine stands on: the [`CacheBackend`] trait, and what implements it.

use std::future::Future;

use crate::{
    error::Result,
    wire::{CasToken, Deleted, Key, MAX_KEY, Touched, Ttl, Value},
};

#[cfg(feature = "testing")]
mod chaos;
mod dynamic;
#[cfg(feature = "moka")]
mod front;
#[cfg(feature = "testing")]
pub mod laws;
mod lease;
mod memcached;
#[cfg(feature = "moka")]
mod moka;
mod none;
mod op;

#[cfg(feature = "testing")]
pub use self::chaos::Chaos;
#[cfg(feature = "moka")]
pub use self::moka::{MokaBackend, MokaBackendBuilder};
pub use self::{
    dynamic::AnyBackend,
    lease::{Lease, LeaseTerms, Released},
    none::NoBackend,
    op::{
        Arithmetic, Capabilities, Delete, Direction, Get, Hit, Keep, Mode, Read, Set, Tier,
        TtlLeft, Usage, Written,
    },
};

/// A store of values by key, as the caching engine needs it.
///
/// Implemented by [`Client`](crate::Client) over memcached, by [`MokaBackend`] in process, by
/// [`Tiered`](crate::Tiered) over two others, and by whatever a program brings along. An
/// implementation has six operations to write; the others have a right, if slower, default.
/// [`AnyBackend`] is the erased form.
///
/// # What an implementation owes
/// - A read that begins after a write was answered sees that write or a later one.
/// - What was stored comes back with the same bytes and flags.
/// - An item is gone when its time to live has passed, give or take a second.
/// - Two writes of one key, also conditional ones, happen one after the other.
/// - Outcomes are the memcached ones: a write with a version on a missing item is
///   [`Written::NotFound`], an `add` over an item [`Written::NotStored`].
/// - Dropping a future leaves the operation done or not done, and nothing else harmed.
/// - Errors are for failures. A miss is no error.
///
/// With [`Capabilities::LEASE`] also:
/// - Of all who ask for the lease of a missing item ([`Get::lease`]), one gets it: it reads
///   [`Read::Won`], the others [`Read::Held`], until the holder fills or releases, somebody else
///   writes or deletes, or [`LeaseTerms::vivify`] has passed. What stands there meanwhile, the stub,
///   is a miss to a read without a lease; as memcached has it, it makes an add
///   [`Written::NotStored`].
/// - An item near its end is given to one reader to refresh ([`Read::Refresh`]) where
///   [`LeaseTerms::recache`] asks for it.
/// - A read without a lease never takes one away from those who ask.
/// - A lease ends with any change of the item, and then fills nothing.
///
/// With [`Capabilities::STALE`] also:
/// - A stale item ([`Delete::stale_for`]) keeps its bytes and flags, and of those who ask for a lease
///   one gets it ([`Read::StaleWon`]).
///
/// The feature `testing` has these laws as a suite that runs against any backend: `backend_laws!`,
/// and `Chaos`, which lets any backend fail.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no cache backend",
    note = "implement `CacheBackend`, or use `Client`, `MokaBackend`, `Tiered` or `AnyBackend`"
)]
pub trait CacheBackend: Send + Sync + 'static {
    /// Reads one item.
    ///
    /// # Errors
    /// When the backend cannot tell whether there is an item.
    fn get(&self, key: &Key, how: Get) -> impl Future<Output = Result<Read>> + Send;

    /// Reads many items: one answer per key, in the order of the keys.
    ///
    /// One key's failure leaves the others their answers.
    fn get_many(&self, keys: &[Key], how: Get) -> impl Future<Output = Vec<Result<Read>>> + Send {
        async move {
            let mut answers = Vec::with_capacity(keys.len());
            for key in keys {
                answers.push(self.get(key, how).await);
            }
            answers
        }
    }

    /// Says of each item whether it is still there in this version and good, and then how long it
    /// will live on, without moving its value; `None` where it is not, or where nobody can tell. One
    /// answer per item, in their order; with [`Capabilities::CONFIRM`] only. The default can tell
    /// nothing.
    ///
    /// One item's failure leaves the others their answers.
    fn confirm_many(
        &self,
        items: &[(Key, CasToken)],
    ) -> impl Future<Output = Vec<Result<Option<TtlLeft>>>> + Send {
        let count = items.len();
        async move { (0..count).map(|_| Ok(None)).collect() }
    }

    /// Writes one item.
    ///
    /// # Errors
    /// When the item may not have been stored; [`Error::delivery`](crate::Error::delivery) says
    /// more.
    fn set(
        &self,
        key: &Key,
        value: Value,
        how: Set,
    ) -> impl Future<Output = Result<Written>> + Send;

    /// Writes many items, each in its own way: one outcome per entry, in their order.
    fn set_many(
        &self,
        entries: Vec<(Key, Value, Set)>,
    ) -> impl Future<Output = Vec<Result<Written>>> + Send {
        async move {
            let mut outcomes = Vec::with_capacity(entries.len());
            for (key, value, how) in entries {
                outcomes.push(self.set(&key, value, how).await);
            }
            outcomes
        }
    }

    /// Removes one item, or marks it as stale.
    ///
    /// # Errors
    /// When the item may still be there as it was.
    fn delete(&self, key: &Key, how: Delete) -> impl Future<Output = Result<Deleted>> + Send;

    /// Gives a lease back unfilled, so that the next reader who asks gets it: the stub goes; an item
    /// that is there becomes a stale one for the rest of its life. The default has nothing to give
    /// back.
    ///
    /// # Errors
    /// When the lease may not have been given back; it then ends with the stub or the item.
    fn release(&self, key: &Key, lease: Lease) -> impl Future<Output = Result<Released>> + Send {
        let _ = (key, lease);
        async { Ok(Released::Lost) }
    }

    /// Puts the release of a lease on its way and returns, for a holder that is being dropped and
    /// cannot wait. Nobody hears what comes of it. Never blocks. The default does nothing.
    fn release_now(&self, key: &Key, lease: Lease) {
        let _ = (key, lease);
    }

    /// Gives an item another time to live.
    ///
    /// # Errors
    /// When the item may have its old time to live.
    fn touch(&self, key: &Key, ttl: Ttl) -> impl Future<Output = Result<Touched>> + Send;

    /// Changes a counter, an item of decimal digits; returns its new value, or `None` where there
    /// is no counter and the change has no start for one.
    ///
    /// # Errors
    /// When the item is no number, or the counter may or may not have changed.
    fn arithmetic(
        &self,
        key: &Key,
        how: Arithmetic,
    ) -> impl Future<Output = Result<Option<u64>>> + Send;

    /// Returns what the backend can do beyond storing.
    fn capabilities(&self) -> Capabilities;

    /// Returns how long a key may be, in bytes: at most 250, less where a prefix is put before it.
    fn max_key(&self) -> usize {
        MAX_KEY
    }

    /// Answers from this process's memory at once, if this backend keeps the item there; `None`
    /// sends the caller to [`CacheBackend::get`]. Takes the key's bytes, so that asking costs no
    /// allocation.
    fn local(&self, key: &[u8]) -> Option<Hit> {
        let _ = key;
        None
    }

    /// Shows the value that [`CacheBackend::local`] would return, without the costs of a copy;
    /// returns whether there was one. What is shown must not be looked at for long: it may be held
    /// meanwhile.
    fn look_local(&self, key: &[u8], look: &mut dyn FnMut(&Value)) -> bool {
        self.local(key).is_some_and(|hit| {
            look(&hit.value);
            true
        })
    }

    /// Returns the copy whose time has passed, and which was to stay beyond it ([`Keep::lapses`]), if
    /// it is still here. Never an answer by itself: its version is to be confirmed first. The default
    /// has none.
    fn lapsed(&self, key: &[u8]) -> Option<Hit> {
        let _ = key;
        None
    }

    /// Keeps a copy of another backend's item, over whatever is here; a copy that does not fit is not
    /// kept, and nothing else is then.
    ///
    /// With [`Capabilities::COPIES`], reads of the copy answer with the version and the remaining
    /// life of `hit`, which are those of the other backend. The default stores the value alone.
    ///
    /// # Errors
    /// When an older copy may have stayed.
    fn keep(&self, key: &Key, hit: Hit, how: Keep) -> impl Future<Output = Result<()>> + Send {
        async move { self.set(key, hit.value, Set::ttl(how.ttl)).await.map(drop) }
    }

    /// Keeps a value in this process alone, as long as it may be kept there: for the time in which
    /// the shared store cannot be reached. Does nothing where there is no such place.
    fn keep_near(&self, key: &Key, value: Value, ttl: Ttl) -> impl Future<Output = ()> + Send {
        let _ = (key, value, ttl);
        async {}
    }

    /// Takes back a value together with the decoded form that a caller has made of it, so that the
    /// next answer from this process's memory carries it. Does nothing unless the same bytes and
    /// flags are still kept here; their version and time to live stay as they are.
    fn keep_decoded(&self, key: &Key, value: &Value) {
        let _ = (key, value);
    }
}
