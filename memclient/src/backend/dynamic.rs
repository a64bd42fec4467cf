use std::{any::type_name, fmt, pin::Pin, sync::Arc};

use crate::{
    backend::{
        CacheBackend,
        lease::{Lease, Released},
        op::{Arithmetic, Capabilities, Delete, Get, Hit, Keep, Read, Set, TtlLeft, Written},
    },
    error::Result,
    wire::{CasToken, Deleted, Key, Touched, Ttl, Value},
};

/// A backend whose type is erased: one type for whichever backend a program's configuration asks
/// for.
///
/// Costs a boxed future per call; answers from this process's memory ([`CacheBackend::local`]) cost
/// none. Clones share the backend.
///
/// ```
/// # #[cfg(feature = "moka")] {
/// use memclient::{AnyBackend, MokaBackend};
///
/// let backend = AnyBackend::new(MokaBackend::new());
/// # let _ = backend;
/// # }
/// ```
#[derive(Clone)]
pub struct AnyBackend(Arc<dyn Erased>);

impl AnyBackend {
    /// Returns the backend with its type erased.
    pub fn new(backend: impl CacheBackend) -> Self {
        Self(Arc::new(backend))
    }
}

impl CacheBackend for AnyBackend {
    async fn get(&self, key: &Key, how: Get) -> Result<Read> {
        self.0.get(key, how).await
    }

    async fn get_many(&self, keys: &[Key], how: Get) -> Vec<Result<Read>> {
        self.0.get_many(keys, how).await
    }

    async fn confirm_many(&self, items: &[(Key, CasToken)]) -> Vec<Result<Option<TtlLeft>>> {
        self.0.confirm_many(items).await
    }

    async fn set(&self, key: &Key, value: Value, how: Set) -> Result<Written> {
        self.0.set(key, value, how).await
    }

    async fn set_many(&self, entries: Vec<(Key, Value, Set)>) -> Vec<Result<Written>> {
        self.0.set_many(entries).await
    }

    async fn delete(&self, key: &Key, how: Delete) -> Result<Deleted> {
        self.0.delete(key, how).await
    }

    async fn release(&self, key: &Key, lease: Lease) -> Result<Released> {
        self.0.release(key, lease).await
    }

    fn release_now(&self, key: &Key, lease: Lease) {
        self.0.release_now(key, lease);
    }

    async fn touch(&self, key: &Key, ttl: Ttl) -> Result<Touched> {
        self.0.touch(key, ttl).await
    }

    async fn arithmetic(&self, key: &Key, how: Arithmetic) -> Result<Option<u64>> {
        self.0.arithmetic(key, how).await
    }

    fn capabilities(&self) -> Capabilities {
        self.0.capabilities()
    }

    fn max_key(&self) -> usize {
        self.0.max_key()
    }

    fn local(&self, key: &[u8]) -> Option<Hit> {
        self.0.local(key)
    }

    fn look_local(&self, key: &[u8], look: &mut dyn FnMut(&Value)) -> bool {
        self.0.look_local(key, look)
    }

    fn lapsed(&self, key: &[u8]) -> Option<Hit> {
        self.0.lapsed(key)
    }

    async fn keep(&self, key: &Key, hit: Hit, how: Keep) -> Result<()> {
        self.0.keep(key, hit, how).await
    }

    async fn keep_near(&self, key: &Key, value: Value, ttl: Ttl) {
        self.0.keep_near(key, value, ttl).await;
    }

    fn keep_decoded(&self, key: &Key, value: &Value) {
        self.0.keep_decoded(key, value);
    }
}

impl fmt::Debug for AnyBackend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AnyBackend").field(&format_args!("{}", self.0.name())).finish()
    }
}

impl<B: CacheBackend> CacheBackend for Arc<B> {
    fn get(&self, key: &Key, how: Get) -> impl Future<Output = Result<Read>> + Send {
        B::get(self, key, how)
    }

    fn get_many(&self, keys: &[Key], how: Get) -> impl Future<Output = Vec<Result<Read>>> + Send {
        B::get_many(self, keys, how)
    }

    fn confirm_many(
        &self,
        items: &[(Key, CasToken)],
    ) -> impl Future<Output = Vec<Result<Option<TtlLeft>>>> + Send {
        B::confirm_many(self, items)
    }

    fn set(
        &self,
        key: &Key,
        value: Value,
        how: Set,
    ) -> impl Future<Output = Result<Written>> + Send {
        B::set(self, key, value, how)
    }

    fn set_many(
        &self,
        entries: Vec<(Key, Value, Set)>,
    ) -> impl Future<Output = Vec<Result<Written>>> + Send {
        B::set_many(self, entries)
    }

    fn delete(&self, key: &Key, how: Delete) -> impl Future<Output = Result<Deleted>> + Send {
        B::delete(self, key, how)
    }

    fn release(&self, key: &Key, lease: Lease) -> impl Future<Output = Result<Released>> + Send {
        B::release(self, key, lease)
    }

    fn release_now(&self, key: &Key, lease: Lease) {
        B::release_now(self, key, lease);
    }

    fn touch(&self, key: &Key, ttl: Ttl) -> impl Future<Output = Result<Touched>> + Send {
        B::touch(self, key, ttl)
    }

    fn arithmetic(
        &self,
        key: &Key,
        how: Arithmetic,
    ) -> impl Future<Output = Result<Option<u64>>> + Send {
        B::arithmetic(self, key, how)
    }

    fn capabilities(&self) -> Capabilities {
        B::capabilities(self)
    }

    fn max_key(&self) -> usize {
        B::max_key(self)
    }

    fn local(&self, key: &[u8]) -> Option<Hit> {
        B::local(self, key)
    }

    fn look_local(&self, key: &[u8], look: &mut dyn FnMut(&Value)) -> bool {
        B::look_local(self, key, look)
    }

    fn lapsed(&self, key: &[u8]) -> Option<Hit> {
        B::lapsed(self, key)
    }

    fn keep(&self, key: &Key, hit: Hit, how: Keep) -> impl Future<Output = Result<()>> + Send {
        B::keep(self, key, hit, how)
    }

    fn keep_near(&self, key: &Key, value: Value, ttl: Ttl) -> impl Future<Output = ()> + Send {
        B::keep_near(self, key, value, ttl)
    }

    fn keep_decoded(&self, key: &Key, value: &Value) {
        B::keep_decoded(self, key, value);
    }
}

type Answer<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The twin of [`CacheBackend`] that can be `dyn`.
trait Erased: Send + Sync {
    fn get<'a>(&'a self, key: &'a Key, how: Get) -> Answer<'a, Result<Read>>;
    fn get_many<'a>(&'a self, keys: &'a [Key], how: Get) -> Answer<'a, Vec<Result<Read>>>;
    fn confirm_many<'a>(
        &'a self,
        items: &'a [(Key, CasToken)],
    ) -> Answer<'a, Vec<Result<Option<TtlLeft>>>>;
    fn set<'a>(&'a self, key: &'a Key, value: Value, how: Set) -> Answer<'a, Result<Written>>;
    fn set_many(&self, entries: Vec<(Key, Value, Set)>) -> Answer<'_, Vec<Result<Written>>>;
    fn delete<'a>(&'a self, key: &'a Key, how: Delete) -> Answer<'a, Result<Deleted>>;
    fn release<'a>(&'a self, key: &'a Key, lease: Lease) -> Answer<'a, Result<Released>>;
    fn release_now(&self, key: &Key, lease: Lease);
    fn touch<'a>(&'a self, key: &'a Key, ttl: Ttl) -> Answer<'a, Result<Touched>>;
    fn arithmetic<'a>(&'a self, key: &'a Key, how: Arithmetic) -> Answer<'a, Result<Option<u64>>>;
    fn capabilities(&self) -> Capabilities;
    fn max_key(&self) -> usize;
    fn local(&self, key: &[u8]) -> Option<Hit>;
    fn look_local(&self, key: &[u8], look: &mut dyn FnMut(&Value)) -> bool;
    fn lapsed(&self, key: &[u8]) -> Option<Hit>;
    fn keep<'a>(&'a self, key: &'a Key, hit: Hit, how: Keep) -> Answer<'a, Result<()>>;
    fn keep_near<'a>(&'a self, key: &'a Key, value: Value, ttl: Ttl) -> Answer<'a, ()>;
    fn keep_decoded(&self, key: &Key, value: &Value);
    fn name(&self) -> &'static str;
}

impl<B: CacheBackend> Erased for B {
    fn get<'a>(&'a self, key: &'a Key, how: Get) -> Answer<'a, Result<Read>> {
        Box::pin(CacheBackend::get(self, key, how))
    }

    fn get_many<'a>(&'a self, keys: &'a [Key], how: Get) -> Answer<'a, Vec<Result<Read>>> {
        Box::pin(CacheBackend::get_many(self, keys, how))
    }

    fn confirm_many<'a>(
        &'a self,
        items: &'a [(Key, CasToken)],
    ) -> Answer<'a, Vec<Result<Option<TtlLeft>>>> {
        Box::pin(CacheBackend::confirm_many(self, items))
    }

    fn set<'a>(&'a self, key: &'a Key, value: Value, how: Set) -> Answer<'a, Result<Written>> {
        Box::pin(CacheBackend::set(self, key, value, how))
    }

    fn set_many(&self, entries: Vec<(Key, Value, Set)>) -> Answer<'_, Vec<Result<Written>>> {
        Box::pin(CacheBackend::set_many(self, entries))
    }

    fn delete<'a>(&'a self, key: &'a Key, how: Delete) -> Answer<'a, Result<Deleted>> {
        Box::pin(CacheBackend::delete(self, key, how))
    }

    fn release<'a>(&'a self, key: &'a Key, lease: Lease) -> Answer<'a, Result<Released>> {
        Box::pin(CacheBackend::release(self, key, lease))
    }

    fn release_now(&self, key: &Key, lease: Lease) {
        CacheBackend::release_now(self, key, lease);
    }

    fn touch<'a>(&'a self, key: &'a Key, ttl: Ttl) -> Answer<'a, Result<Touched>> {
        Box::pin(CacheBackend::touch(self, key, ttl))
    }

    fn arithmetic<'a>(&'a self, key: &'a Key, how: Arithmetic) -> Answer<'a, Result<Option<u64>>> {
        Box::pin(CacheBackend::arithmetic(self, key, how))
    }

    fn capabilities(&self) -> Capabilities {
        CacheBackend::capabilities(self)
    }

    fn max_key(&self) -> usize {
        CacheBackend::max_key(self)
    }

    fn local(&self, key: &[u8]) -> Option<Hit> {
        CacheBackend::local(self, key)
    }

    fn look_local(&self, key: &[u8], look: &mut dyn FnMut(&Value)) -> bool {
        CacheBackend::look_local(self, key, look)
    }

    fn lapsed(&self, key: &[u8]) -> Option<Hit> {
        CacheBackend::lapsed(self, key)
    }

    fn keep<'a>(&'a self, key: &'a Key, hit: Hit, how: Keep) -> Answer<'a, Result<()>> {
        Box::pin(CacheBackend::keep(self, key, hit, how))
    }

    fn keep_near<'a>(&'a self, key: &'a Key, value: Value, ttl: Ttl) -> Answer<'a, ()> {
        Box::pin(CacheBackend::keep_near(self, key, value, ttl))
    }

    fn keep_decoded(&self, key: &Key, value: &Value) {
        CacheBackend::keep_decoded(self, key, value);
    }

    fn name(&self) -> &'static str {
        type_name::<B>()
    }
}

#[cfg(test)]
#[cfg(feature = "moka")]
mod tests {
    use std::sync::Arc;

    use super::AnyBackend;
    use crate::{
        backend::{CacheBackend, MokaBackend, Set},
        wire::{Key, Value},
    };

    #[tokio::test]
    async fn an_erased_backend_answers_as_its_own() {
        let own = MokaBackend::new();
        let erased = AnyBackend::new(Arc::new(own.clone()));
        let key = Key::new("k").unwrap();
        let written = erased.clone().set(&key, Value::new("5", 7), Set::default()).await.unwrap();
        assert!(written.is_stored());
        assert_eq!(erased.local(b"k"), own.local(b"k"));
        assert_eq!(erased.capabilities(), own.capabilities());
        erased.keep_decoded(&key, &Value::new("5", 7).with_decoded(5_u32));
        assert_eq!(own.local(b"k").unwrap().value.decoded::<u32>(), Some(&5));
    }

    #[test]
    fn an_erased_backend_says_what_it_is() {
        assert!(format!("{:?}", AnyBackend::new(MokaBackend::new())).ends_with("MokaBackend)"));
    }
}
