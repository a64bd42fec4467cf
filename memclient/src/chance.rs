//! What is left to chance, beyond jitter: which keys share a stripe or a slot. All of it comes from
//! `fastrand`, so that one seed makes one history where `simulation` gives it one.

use foldhash::{SharedSeed, fast::SeedableRandomState};

/// Hashes keys to their places in a way that nobody outside can foresee.
pub(crate) type Placing = SeedableRandomState;

/// Returns a hasher of its own.
pub(crate) fn placing() -> Placing {
    SeedableRandomState::with_seed(fastrand::u64(..), SharedSeed::global_fixed())
}
