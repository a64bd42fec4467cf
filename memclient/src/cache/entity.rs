//! Values that have their own key in them ([`TypedCache`] has the operations for all others).

use memclient_serde::CacheEntity;

use super::typed::TypedCache;
use crate::error::Result;

impl<T: CacheEntity> TypedCache<T> {
    /// Keeps a value under its own key, as [`TypedCache::put`] does.
    ///
    /// ```
    /// use memclient::{Cache, CacheValue};
    /// use serde::{Deserialize, Serialize};
    ///
    /// #[derive(CacheValue, Clone, Deserialize, Serialize)]
    /// #[cache(entity(key = (org, id)))]
    /// struct User {
    ///     org: String,
    ///     id: u64,
    ///     name: String,
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> memclient::Result<()> {
    /// let cache = Cache::builder().build()?;
    /// let users = cache.typed::<User>("user");
    /// let ada = User { org: "north".into(), id: 7, name: "Ada".into() };
    /// users.put_entity(&ada).await?;
    /// assert_eq!(users.get(&("north", 7)).await?.map(|user| user.name), Some("Ada".into()));
    /// users.invalidate_entity(&ada).await?;
    /// assert!(users.get(&("north", 7)).await?.is_none());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`TypedCache::put`].
    ///
    /// # Cancel safety
    /// As [`TypedCache::put`].
    pub async fn put_entity(&self, entity: &T) -> Result<()> {
        // Written before the first wait, as it need not be `Send`.
        let key = self.key_buf(&entity.entity_key());
        self.cache().core().put(&key, self.plan(), Some(entity.clone())).await
    }

    /// Ends the entry of this value, whatever is kept there now, as [`TypedCache::invalidate`] does.
    ///
    /// # Errors
    /// As [`TypedCache::invalidate`].
    ///
    /// # Cancel safety
    /// As [`TypedCache::invalidate`].
    pub async fn invalidate_entity(&self, entity: &T) -> Result<()> {
        let key = self.key_buf(&entity.entity_key());
        self.cache().core().invalidate(&key, self.plan()).await
    }
}
