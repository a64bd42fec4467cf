use super::CacheValue;
use crate::key::CacheKey;

/// A value that has its own key in it, as a row of a table has its number.
///
/// Whoever has one can keep or end its entry without saying the key again
/// (`TypedCache::put_entity` and `TypedCache::invalidate_entity` of memclient), so a value never comes
/// to stand under the key of another.
///
/// `#[derive(CacheValue)]` writes it with `#[cache(entity(key = id))]`.
///
/// ```
/// use memclient_serde::{CacheEntity, CacheKey, KeyWriter};
/// # use memclient_serde::{CacheValue, DecodeError, EncodeError, Payload, Schema, SchemaWriter};
///
/// #[derive(Clone)]
/// struct Line(u64, String);
/// # impl Schema for Line {
/// #     fn describe(schema: &mut SchemaWriter) { schema.opaque("Line"); }
/// # }
/// # impl CacheValue for Line {
/// #     fn encode(&self) -> Result<Payload, EncodeError> { self.1.encode() }
/// #     fn decode(payload: &Payload) -> Result<Self, DecodeError> {
/// #         String::decode(payload).map(|text| Line(0, text))
/// #     }
/// # }
///
/// impl CacheEntity for Line {
///     type Key<'a> = &'a u64;
///
///     fn entity_key(&self) -> &u64 {
///         &self.0
///     }
/// }
///
/// assert_eq!(*Line(7, "ada".into()).entity_key(), 7);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say which of its fields is its key",
    label = "`{Self}` does not implement `CacheEntity`",
    note = "put `#[cache(entity(key = id))]` on a type of yours that derives `CacheValue`"
)]
pub trait CacheEntity: CacheValue {
    /// What the key is made of, borrowed from the value.
    type Key<'a>: CacheKey
    where
        Self: 'a;

    /// Returns the key of the value's own entry: what those who look for it ask for.
    fn entity_key(&self) -> Self::Key<'_>;
}
