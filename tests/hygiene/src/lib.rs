//! Nothing here has its usual name, and every lint is an error.

#![no_implicit_prelude]
#![deny(
    warnings,
    missing_docs,
    missing_debug_implementations,
    unreachable_pub,
    unused_qualifications,
    unused_lifetimes,
    elided_lifetimes_in_paths,
    rust_2018_idioms,
    clippy::pedantic
)]
#![forbid(unsafe_code)]
// The workspace allows these everywhere else.
#![allow(clippy::module_name_repetitions)]

/// Hides the standard library from whoever does not begin a path with `::`.
pub mod std {}

/// Hides `core`.
pub mod core {}

/// Hides the futures.
pub mod future {}

/// Hides the `Result` of the prelude.
#[derive(Debug)]
pub struct Result;

/// Hides the `Option` of the prelude.
#[derive(Debug)]
pub struct Option;

/// Hides `Some`.
#[derive(Debug)]
pub struct Some;

/// Hides `Ok`.
#[derive(Debug)]
pub struct Ok;

/// Hides `Box`.
#[derive(Debug)]
pub struct Box;

/// Hides `String`.
#[derive(Debug)]
pub struct String;

/// Has the names of everything that the library names.
pub trait Outcome {
    /// As the engine.
    fn get_or_load(&self) {}
    /// As the keys.
    fn part(&self) {}
    /// As the entries.
    fn invalidate(&self) {}
    /// As the shapes.
    fn outcome(&self) {}
    /// As the policy.
    fn ttl(&self) {}
}

impl<T> Outcome for T {}

/// What others call a result.
pub type Answer<T> = ::std::result::Result<T, Wrong>;

/// What can go wrong.
#[derive(Clone, Debug)]
pub struct Wrong;

/// A value of this crate's own.
#[derive(
    ::std::clone::Clone,
    ::std::fmt::Debug,
    ::serde::Serialize,
    ::serde::Deserialize,
    ::store::CacheValue,
    ::store::CacheKey,
)]
#[cache(crate = ::store)]
pub struct Item {
    /// Which one.
    pub key: u64,
}

/// Finds an item.
///
/// # Errors
///
/// Fails for zero.
#[::store::cached(
    crate = ::store,
    ttl = "10m",
    none = "30s",
    grace = "1h",
    jitter = 5,
    soft_timeout = "10ms",
    throttle = "1s",
    lease = "2s",
    codec = "json",
    compress = "zlib",
    cache_if = |found: &Answer<::std::option::Option<Item>>| found.is_ok(),
    name = "hygiene.key",
    skip(entry)
)]
pub async fn key(entry: &str, value: u64) -> Answer<::std::option::Option<Item>> {
    ::std::future::ready(()).await;
    if value == 0 {
        return ::std::result::Result::Err(Wrong);
    }
    let _ = entry;
    ::std::result::Result::Ok(::std::option::Option::Some(Item { key: value }))
}

/// Shows anything.
#[::store::cached(crate = ::store, version = 2)]
#[must_use]
pub fn generic<T: ::store::CacheKey + ::std::fmt::Debug, const N: usize>(
    value: T,
) -> ::std::string::String {
    ::std::format!("{value:?}{N}")
}

/// Lends what it needs.
///
/// # Errors
///
/// Never.
#[::store::cached(crate = ::store)]
pub async fn lifetimes<'a, 'b: 'a>(left: &'a str, right: &'b [u8], item: &Item) -> Answer<usize> {
    let _ = item;
    ::std::future::ready(::std::result::Result::Ok(left.len() + right.len())).await
}

/// Runs behind the caller.
#[::store::cached(
    crate = ::store,
    grace = "1h",
    refresh = "background",
    early = false,
    timeout = "1s"
)]
pub async fn behind(value: u64) -> u64 {
    ::std::future::ready(value).await
}

/// Holds a tenant.
#[derive(Debug)]
pub struct Shop {
    /// Whose it is.
    pub tenant: u64,
}

impl Shop {
    /// Multiplies.
    ///
    /// # Errors
    ///
    /// Never.
    #[::store::cached(crate = ::store, key(self.tenant, by), entry = times_entry, on_error = "stale")]
    pub async fn times(&self, by: u64) -> Answer<u64> {
        ::std::future::ready(::std::result::Result::Ok(self.tenant * by)).await
    }

    /// Adds, without `self`.
    #[::store::cached(crate = ::store, associated)]
    #[must_use]
    pub fn plus(by: u64) -> u64 {
        by + 1
    }

    /// Writes.
    ///
    /// # Errors
    ///
    /// Never.
    #[::store::invalidates(self.times_entry(by), key(by), when = Ok, crate = ::store)]
    pub async fn write(&mut self, by: u64) -> Answer<()> {
        self.tenant += by;
        ::std::future::ready(::std::result::Result::Ok(())).await
    }
}

/// Writes and returns what it has written.
///
/// # Errors
///
/// Never.
#[::store::cache_put(key(item.key), generic::<Item, 3>(::std::clone::Clone::clone(&item)) = ::std::string::String::new(), crate = ::store)]
pub fn put(item: Item) -> Answer<::std::option::Option<Item>> {
    ::std::result::Result::Ok(::std::option::Option::Some(item))
}
