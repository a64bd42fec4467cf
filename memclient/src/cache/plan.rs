//! What a call goes by.

use std::{ops::Deref, sync::Arc};

use super::{header::Header, policy::Policy};
use crate::wire::{Key, Value};

/// The tags of a call, as the keys of their counters.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Tags(Option<Arc<[Key]>>);

/// What a call goes by: how entries are kept, and under which tags.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan<'a> {
    pub(crate) policy: &'a Policy,
    pub(crate) tags: &'a Tags,
}

/// The generations of a call's tags, in their order, as they were before it began to load. Without
/// them nothing is kept that is to have tags.
#[derive(Clone, Debug, Default)]
pub(super) struct TagGenerations(pub(super) Option<Arc<[u64]>>);

impl Tags {
    pub(super) fn new(keys: impl IntoIterator<Item = Key>) -> Self {
        let mut keys: Vec<Key> = keys.into_iter().collect();
        keys.sort_unstable_by(|one, other| one.as_bytes().cmp(other.as_bytes()));
        keys.dedup();
        Self((!keys.is_empty()).then(|| keys.into()))
    }

    pub(super) fn keys(&self) -> &[Key] {
        self.0.as_deref().unwrap_or_default()
    }
}

impl Plan<'_> {
    pub(super) fn has_tags(&self) -> bool {
        self.tags.0.is_some()
    }

    /// Returns a value as it is stored under these generations; `None` where they are not known.
    pub(super) fn seal(&self, tags: &TagGenerations, value: Value) -> Option<Value> {
        if !self.has_tags() {
            return Some(value);
        }
        let generations = tags.0.as_deref()?;
        Header::join(self.tags.keys().iter().zip(generations.iter().copied()), &value)
    }
}

impl Deref for Plan<'_> {
    type Target = Policy;

    fn deref(&self) -> &Policy {
        self.policy
    }
}
