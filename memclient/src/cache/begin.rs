//! Loads that are to begin: with their right, and what is known then.

use std::time::Instant;

use super::{
    core::Core,
    fill::Right,
    flight::{Leader, Moment},
    plan::{Plan, TagGenerations},
};
use crate::wire::Key;

/// A load that is to begin.
pub(super) struct Load {
    pub(super) key: Key,
    pub(super) right: Right,
    /// Absent for a load that nobody waits for.
    pub(super) leader: Option<Leader>,
    pub(super) generation: u64,
    pub(super) began: Instant,
    pub(super) moment: Moment,
    pub(super) tags: TagGenerations,
    /// Whether what is kept is known to be out of date.
    pub(super) forced: bool,
}

impl Core {
    pub(super) fn begin(&self, key: Key, right: Right, leader: Option<Leader>) -> Load {
        Load {
            generation: self.generations.current(key.as_bytes()),
            moment: self.flights.moment(),
            began: self.clock.now(),
            tags: TagGenerations::default(),
            forced: false,
            key,
            right,
            leader,
        }
    }

    /// Notes the generations of the tags under which a load begins.
    pub(super) async fn ready(&self, load: Load, plan: Plan<'_>) -> Load {
        match load.right {
            Right::Lease(_) | Right::Over(_) | Right::Unguarded if plan.has_tags() => {
                let tags = self.tag_generations(plan).await.unwrap_or_default();
                Load { tags, ..self.begin(load.key, load.right, load.leader) }
            }
            _ => load,
        }
    }
}
