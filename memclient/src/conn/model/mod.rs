//! Callers, driver, watch and server under a checker that decides who goes on at each lock.
//!
//! Run with `RUSTFLAGS="--cfg shuttle" cargo test -p memclient --lib conn::model`. Each check tries
//! a thousand schedules, or as many as `MEMCLIENT_SCHEDULES` says, and one that fails prints its
//! schedule. A lost wake-up shows as a deadlock; and at the end of each schedule nothing may be
//! left over: see [`World::end`].

mod caller;
mod server;
mod world;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use shuttle::{
    Config, MaxSteps, Runner, future,
    rand::{Rng, thread_rng},
    scheduler::{PctScheduler, RandomScheduler, Scheduler},
};

use self::{
    caller::{Caller, unless_dropped},
    server::Server,
    world::World,
};
use crate::{conn::Tally, events::Observed};

const SCHEDULES: usize = 1000;

/// Tries many schedules: half of them change whose turn it is at any lock, half let everybody run
/// for as long as possible and interrupt a few times.
fn check<F: Future<Output = ()> + 'static>(body: impl Fn() -> F + Copy + Send + Sync + 'static) {
    let schedules = std::env::var("MEMCLIENT_SCHEDULES").ok().and_then(|text| text.parse().ok());
    let half = schedules.unwrap_or(SCHEDULES) / 2;
    check_under(RandomScheduler::new(half), body);
    check_under(PctScheduler::new(3, half), body);
}

fn check_under<F: Future<Output = ()> + 'static>(
    scheduler: impl Scheduler + 'static,
    body: impl Fn() -> F + Send + Sync + 'static,
) {
    let mut config = Config::new();
    config.stack_size = 1 << 18;
    config.max_steps = MaxSteps::FailAfter(100_000);
    // One of them: that atomics are checked as if all were sequentially consistent.
    config.silence_warnings = true;
    Runner::new(scheduler, config).run(move || future::block_on(body()));
}

fn random(most: usize) -> usize {
    thread_rng().gen_range(0..=most)
}

#[test]
fn each_caller_gets_its_own_values() {
    check(async || {
        let world = World::new(Server::default());
        let callers = [
            world.spawn(async |caller: Caller| {
                caller.get("a").await;
                caller.get("b").await;
            }),
            world.spawn(async |caller: Caller| caller.get_many(&["c", "d", "e"]).await),
            world.spawn(async |caller: Caller| {
                caller.run("f").await;
                caller.get("g").await;
            }),
        ];
        world.end(callers).await;
    });
}

#[test]
fn a_caller_who_joins_a_lonely_one_takes_nothing_from_it() {
    check(async || {
        let world = World::new(Server::default());
        world.caller().get("a").await;
        let callers = ["b", "c"].map(|key| {
            world.spawn(async move |caller: Caller| {
                caller.get(key).await;
                caller.get(key).await;
                caller.get(key).await;
            })
        });
        world.end(callers).await;
    });
}

#[test]
fn values_that_are_missing_are_asked_for_again() {
    check(async || {
        let world = World::new(Server::default());
        let callers = ["a", "none-b"].map(|key| {
            world.spawn(async move |caller: Caller| {
                caller.get_many(&[key, "none-c", "d", "none-e"]).await;
                caller.get("none-f").await;
            })
        });
        world.end(callers).await;
    });
}

#[test]
fn a_caller_who_leaves_holds_nobody_up() {
    check(async || {
        let world = World::new(Server::default());
        let callers = [
            world.spawn(async |caller: Caller| {
                unless_dropped(caller.get("a")).await;
                unless_dropped(caller.get_many(&["none-b", "c"])).await;
            }),
            world.spawn(async |caller: Caller| caller.get("d").await),
            world.spawn(async |caller: Caller| {
                unless_dropped(caller.get("e")).await;
                caller.get("none-f").await;
            }),
        ];
        world.end(callers).await;
    });
}

#[test]
fn an_answer_that_is_awaited_late_holds_nobody_up() {
    check(async || {
        let world = World::new(Server::default());
        let callers = [
            world.spawn(async |caller: Caller| {
                let late = caller.send("a").await;
                caller.get("b").await;
                late.await;
            }),
            world.spawn(async |caller: Caller| {
                drop(caller.send("c").await);
                caller.get("d").await;
            }),
        ];
        world.end(callers).await;
    });
}

#[test]
fn answers_that_nobody_waits_for_are_counted_and_told() {
    check(async || {
        let world = World::new(Server::default());
        let tally = Tally::new(Observed::default());
        let (first, second, waiting) = (tally.clone(), tally.clone(), tally.clone());
        let counted = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&counted);
        let callers = [
            world.spawn(async move |caller: Caller| {
                caller.leave("a", &first).await;
                caller.leave("none-b", &first).await;
                caller.get("c").await;
            }),
            world.spawn(async move |caller: Caller| caller.leave("d", &second).await),
            world.spawn(async move |_| {
                let settle = async || {
                    count.fetch_add(waiting.settle().await.sent, Ordering::Relaxed);
                };
                unless_dropped(settle()).await;
                settle().await;
            }),
        ];
        world.end(callers).await;
        let rest = tally.settle().await;
        assert_eq!(counted.load(Ordering::Relaxed) + rest.sent, 3);
        assert_eq!(tally.failures(), 0);
    });
}

#[test]
fn a_connection_without_handles_ends_after_its_last_answer() {
    check(async || {
        let world = World::new(Server::default());
        if random(1) == 0 {
            world.caller().get("a").await;
        }
        let callers = [
            world.spawn(async |caller: Caller| {
                let flight = caller.send("b").await;
                drop(caller);
                flight.await;
            }),
            world.spawn(async |caller: Caller| {
                if random(1) == 0 {
                    unless_dropped(caller.get("none-c")).await;
                }
            }),
        ];
        world.end_unused(callers).await;
    });
}

#[test]
fn callers_wait_in_line_for_room() {
    check(async || {
        let world = World::narrow(Server::default());
        let callers = ["a", "b", "none-c"].map(|key| {
            world.spawn(async move |caller: Caller| {
                caller.get(key).await;
                caller.get(key).await;
            })
        });
        world.end(callers).await;
    });
}

#[test]
fn an_answer_that_is_awaited_late_makes_room() {
    check(async || {
        let world = World::narrow(Server::default());
        let callers = ["a", "b"].map(|key| {
            world.spawn(async move |caller: Caller| {
                let late = caller.send(key).await;
                caller.get("none-c").await;
                late.await;
            })
        });
        world.end(callers).await;
    });
}

#[test]
fn one_who_leaves_the_line_holds_nobody_up() {
    check(async || {
        let world = World::narrow(Server::default());
        let callers = [
            world.spawn(async |caller: Caller| caller.get("a").await),
            world.spawn(async |caller: Caller| {
                unless_dropped(caller.get("b")).await;
                unless_dropped(caller.get_many(&["none-c", "d"])).await;
            }),
            world.spawn(async |caller: Caller| caller.get("e").await),
        ];
        world.end(callers).await;
    });
}

#[test]
fn a_socket_that_takes_little_at_a_time_holds_nobody_up() {
    check(async || {
        let world = World::with_socket(Server::default(), 5);
        let callers = ["a", "b"].map(|key| {
            world.spawn(async move |caller: Caller| {
                unless_dropped(caller.get(key)).await;
                caller.get(key).await;
            })
        });
        world.end(callers).await;
    });
}

#[test]
fn a_lost_connection_is_heard_of_by_everybody() {
    check(async || {
        let narrow = random(1) == 0;
        let server = Server { answers: random(3), ..Server::default() };
        let world = if narrow { World::narrow(server) } else { World::new(server) };
        let callers = [
            world.spawn(async |caller: Caller| {
                let _ = caller.try_get("a").await;
                let _ = caller.try_get("b").await;
            }),
            world.spawn(async |caller: Caller| {
                unless_dropped(caller.try_get("c")).await;
                let _ = caller.try_get("none-d").await;
            }),
            world.spawn(async |caller: Caller| {
                if let Ok(late) = caller.try_send("e").await {
                    let _ = caller.try_get("f").await;
                    let _ = late.await;
                }
            }),
        ];
        world.end_lost(callers).await;
    });
}

#[test]
fn the_end_of_the_runtime_is_heard_of_by_everybody() {
    check(async || {
        let world = World::new(Server::default());
        let callers = ["a", "b"].map(|key| {
            world.spawn(async move |caller: Caller| {
                let _ = caller.try_get(key).await;
                let _ = caller.try_get(key).await;
            })
        });
        world.abort_driver();
        world.end_lost(callers).await;
    });
}

#[test]
fn a_silent_server_is_given_up_at_the_deadline() {
    check(async || {
        let world = World::new(Server { silent: true, ..Server::default() });
        let watch = world.spawn_watch();
        let callers = ["a", "b"].map(|key| {
            world.spawn(async move |mut caller: Caller| {
                caller.deadline = Instant::now();
                unless_dropped(caller.try_get(key)).await;
                let outcome = caller.try_get(key).await;
                assert!(outcome.is_err(), "nobody answered {key}: {outcome:?}");
            })
        });
        world.end_lost(callers).await;
        watch.await.unwrap();
    });
}

#[test]
fn a_watch_that_looks_all_the_time_harms_nobody() {
    check(async || {
        let world = World::new(Server::default());
        let watch = world.spawn_watch();
        let callers = ["a", "b"].map(|key| {
            world.spawn(async move |mut caller: Caller| {
                caller.deadline = Instant::now() + Duration::from_secs(3600);
                caller.get(key).await;
                unless_dropped(caller.get(key)).await;
            })
        });
        world.end(callers).await;
        watch.await.unwrap();
    });
}
