//! What goes wrong in a simulation, and how soon all is well again.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use fastrand::Rng;
use tokio::time::{Instant, sleep};

use super::{
    network::{Loss, Weather},
    world::{RECOVERY, World},
};

/// The most dials in vain for each second that a server is down, and those that may come at once.
const DIALS_PER_SECOND: f64 = 20.0;
const DIALS_AT_ONCE: f64 = 4.0;

/// Goes through some faults, each over before the next.
pub(super) async fn run(world: Arc<World>, mut rng: Rng) {
    for _ in 0..rng.usize(1..5) {
        sleep(Duration::from_micros(rng.u64(20_000..500_000))).await;
        world.begin_fault();
        let time = Duration::from_micros(rng.u64(1_000..1_500_000));
        let loss = [Loss::Reset, Loss::Ended, Loss::Unnoticed][rng.usize(..3)];
        match rng.u8(..8) {
            0 => world.network.lose_one(Loss::Reset),
            1 => world.network.lose_one(Loss::Ended),
            2 => world.network.lose_all(loss),
            3 => hold(&world, Weather::Dark, time).await,
            4 => hold(&world, Weather::Deaf, time).await,
            5 => hold(&world, Weather::Mute, time).await,
            6 => {
                crash(&world, loss);
                hold(&world, Weather::Dark, time).await;
            }
            _ => {
                crash(&world, loss);
                hold(&world, Weather::Refusing, time).await;
                check_dials(&world, time);
            }
        }
        world.end_fault();
        recover(&world).await;
    }
}

fn crash(world: &World, loss: Loss) {
    let now = world.log.note(format_args!("crash"));
    world.network.lose_all(loss);
    world.server.forget();
    world.history().everything_is_lost(now);
    world.incarnation.fetch_add(1, Ordering::Relaxed);
}

async fn hold(world: &World, weather: Weather, time: Duration) {
    world.network.turn(weather);
    sleep(time).await;
    world.network.turn(Weather::Fair);
}

fn check_dials(world: &World, time: Duration) {
    let dials = u32::try_from(world.network.take_refused().len()).expect("they are few");
    let most = DIALS_PER_SECOND * time.as_secs_f64() + DIALS_AT_ONCE;
    assert!(f64::from(dials) <= most, "{dials} dials in {time:?} at a server that is down");
}

/// Calls until one call is good.
async fn recover(world: &World) {
    let healed = Instant::now();
    while let Err(error) = world.client.get("probe").await {
        world.log.note(format_args!("probe failed: {error}"));
        sleep(Duration::from_millis(5)).await;
    }
    let took = healed.elapsed();
    world.log.note(format_args!("healed after {took:?}"));
    assert!(took <= RECOVERY, "the first good call came {took:?} after all was well");
}
