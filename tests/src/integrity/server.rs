//! What happens to the server of a run.

use std::time::Duration;

use fastrand::Rng;
use tokio::time;

use super::truth::Truth;
use crate::Memcached;

/// The real memcached, frozen now and then, and killed and started again.
pub(super) struct Server {
    memcached: Memcached,
    rng: Rng,
    freezes: u64,
    kills: u64,
}

impl Server {
    pub(super) fn new(memcached: Memcached, rng: Rng) -> Self {
        Self { memcached, rng, freezes: 0, kills: 0 }
    }

    /// Returns how long nothing happens to it.
    pub(super) fn pause(&mut self) -> Duration {
        Duration::from_millis(self.rng.u64(100..900))
    }

    /// Freezes the server for a moment, or kills it and starts it again.
    pub(super) async fn suffer(&mut self, truth: &Truth) {
        let moment = Duration::from_millis(self.rng.u64(1..60));
        if self.rng.u8(..3) > 0 {
            self.memcached.pause().await.expect("it runs");
            time::sleep(moment).await;
            self.memcached.resume().await.expect("it runs");
            self.freezes += 1;
            return;
        }
        truth.turn_era();
        self.memcached.stop().expect("it is ours");
        time::sleep(moment).await;
        self.memcached.restart().await.expect("its port is free");
        truth.turn_era();
        self.kills += 1;
    }

    pub(super) fn freezes(&self) -> u64 {
        self.freezes
    }

    pub(super) fn kills(&self) -> u64 {
        self.kills
    }

    /// Returns how many connections are open beside that of the look itself.
    pub(super) async fn open(&self) -> u64 {
        let count = self.memcached.stat("curr_connections").await.ok().flatten();
        let count = count.and_then(|count| count.parse::<u64>().ok()).unwrap_or(u64::MAX);
        // The server counts the socket at which it listens.
        count.saturating_sub(2)
    }
}
