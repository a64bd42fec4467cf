//! Writes and reads of many keys at once, at moments that chance decides.
//!
//! A round has a key of its own. One of two processes writes it: it raises the version that the
//! origin holds, changes the cache, and once that is done notes the version as the floor. Both
//! processes read it: they look up the floor, then ask the cache, and what it answers must not be
//! below. The origin and the floors are on a second server.

use std::{fmt, str::FromStr, sync::Arc, time::Duration};

use fastrand::Rng;
use memclient::{Cache, Client, Lookup, Policy, TypedCache, cached};
use tokio::{
    task::{JoinSet, yield_now},
    time::sleep,
};

use crate::{Arguments, client, say, told};

const HOUR: Duration = Duration::from_secs(3600);

/// How often each reader asks in a round, and how often the writer writes.
const ASKS: usize = 4;
const WRITES: usize = 2;

/// Arguments: the cache's server, the origin's, the seed, how many rounds a wave has, how many
/// readers of a round each process has, and what is done in it, by the names of [`Deed`], with
/// commas. Says `ready`; plays a wave when it is told `wave`, which of the two it is, and the number
/// of the first round; looks at what such a wave left when it is told `look` and that number. After
/// either it says `done` and how many answers it has judged, after a line for each that was too old.
pub(crate) async fn run(mut arguments: Arguments) {
    let cached = client(&arguments.take::<String>()).await;
    let origin = client(&arguments.take::<String>()).await;
    let (seed, rounds, readers) = (arguments.take(), arguments.take(), arguments.take());
    let deeds = arguments.take::<String>();
    let deeds: Vec<Deed> = deeds.split(',').map(|name| name.parse().unwrap()).collect();
    let (writes, asks) = deeds.into_iter().partition(|deed| deed.is_write());
    let cache = Cache::builder().backend(cached).without_near().install().unwrap();
    let rates = cache.typed::<u64>("rate").ttl(HOUR);
    // What lives on for an hour is stale to these, and what lives for a second about to end.
    let graced = rates.clone().policy(Policy::new().ttl(3 * HOUR).grace(2 * HOUR));
    let ending = rates.clone().ttl(Duration::from_secs(1));
    let stage =
        Arc::new(Stage { origin, rates, graced, ending, seed, rounds, readers, asks, writes });
    let mut told = told();
    say("ready");
    while let Some(line) = told.recv().await {
        let mut words = line.split(' ');
        let judged = match words.next() {
            Some("wave") => {
                let mut number = || words.next().unwrap().parse().unwrap();
                let (side, first) = (number(), number());
                stage.wave(side, first).await
            }
            Some("look") => stage.look(words.next().unwrap().parse().unwrap()).await,
            _ => panic!("{line:?} is no order"),
        };
        say(&format!("done {judged}"));
    }
}

/// What may be done in a round.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Deed {
    // The writer's, after it has written to the origin.
    Invalidate,
    Put,
    Rewrite,
    // The readers'.
    Load,
    Get,
    Lookup,
    Many,
    Refresh,
    Early,
    Grace,
    Fail,
}

impl Deed {
    const ALL: [Self; 11] = [
        Self::Invalidate,
        Self::Put,
        Self::Rewrite,
        Self::Load,
        Self::Get,
        Self::Lookup,
        Self::Many,
        Self::Refresh,
        Self::Early,
        Self::Grace,
        Self::Fail,
    ];

    fn is_write(self) -> bool {
        matches!(self, Self::Invalidate | Self::Put | Self::Rewrite)
    }
}

impl fmt::Display for Deed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&format!("{self:?}").to_lowercase())
    }
}

impl FromStr for Deed {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|deed| deed.to_string() == name);
        found.ok_or_else(|| format!("there is no deed {name}"))
    }
}

struct Stage {
    origin: Client,
    rates: TypedCache<u64>,
    graced: TypedCache<u64>,
    ending: TypedCache<u64>,
    seed: u64,
    rounds: u64,
    readers: u64,
    asks: Vec<Deed>,
    writes: Vec<Deed>,
}

impl Stage {
    /// Plays rounds at once; returns how many answers were judged.
    async fn wave(self: &Arc<Self>, side: u64, first: u64) -> usize {
        let mut players = JoinSet::new();
        for round in first..first + self.rounds {
            for reader in 0..self.readers {
                let (stage, chance) = (Arc::clone(self), self.chance(round, side, reader));
                players.spawn(async move { stage.read(round, first, chance).await });
            }
            if round % 2 == side {
                let (stage, chance) = (Arc::clone(self), self.chance(round, side, self.readers));
                players.spawn(async move { stage.write(round, chance).await });
            }
        }
        players.join_all().await.into_iter().sum()
    }

    /// Judges what is kept after rounds that are over: it would stay for all of its life.
    async fn look(&self, first: u64) -> usize {
        // For what is loaded in the background.
        sleep(Duration::from_millis(10)).await;
        let rounds: Vec<u64> = (first..first + self.rounds).collect();
        let floors = self.numbers("floor", &rounds).await;
        let kept = self.rates.get_many(&rounds).await;
        let mut judged = 0;
        for ((round, floor), kept) in rounds.into_iter().zip(floors).zip(kept) {
            judged += judge("kept", round, floor, kept.unwrap());
        }
        judged
    }

    async fn read(self: Arc<Self>, round: u64, first: u64, mut chance: Rng) -> usize {
        let mut judged = 0;
        for _ in 0..ASKS {
            pause(&mut chance).await;
            let (Some(deed), chance) = (chance.choice(self.asks.iter().copied()), chance.fork())
            else {
                break;
            };
            judged += self.ask(deed, round, first, chance).await;
        }
        judged
    }

    /// Asks the cache, and judges its answers; returns how many there were.
    async fn ask(self: &Arc<Self>, deed: Deed, round: u64, first: u64, mut chance: Rng) -> usize {
        let stage = Arc::clone(self);
        if deed == Deed::Many {
            let next = first + (round - first + 1) % self.rounds;
            let rounds = [round, next];
            let floors = self.numbers("floor", &rounds).await;
            let load = |rounds: Vec<u64>| self.load_many(rounds, chance.clone());
            let known = self.rates.get_or_load_many(rounds, load).await;
            let judged = rounds.into_iter().zip(floors);
            return judged
                .map(|(one, floor)| judge("many", one, floor, known.get(&one).copied()))
                .sum();
        }
        let floor = self.numbers("floor", &[round]).await[0];
        let load = || self.load(round, chance.clone());
        let answer = match deed {
            Deed::Load => Some(self.rates.get_or_load(&round, load).await),
            Deed::Get => self.rates.get(&round).await.unwrap(),
            Deed::Lookup => match self.graced.lookup(&round).await.unwrap() {
                Lookup::Fresh(value) => Some(value),
                _ => None,
            },
            Deed::Refresh => Some(rate::refresh(self, round, chance).await),
            Deed::Early => {
                let load = move || async move { stage.load(round, chance).await };
                Some(self.ending.get_or_load_in_background(&round, load).await)
            }
            Deed::Grace => Some(self.graced.get_or_load(&round, load).await),
            Deed::Fail => {
                let fail = || async move {
                    pause(&mut chance).await;
                    Err::<u64, _>("down")
                };
                self.graced.get_or_load(&round, fail).await.ok()
            }
            Deed::Many | Deed::Invalidate | Deed::Put | Deed::Rewrite => None,
        };
        judge(deed, round, floor, answer)
    }

    async fn write(self: Arc<Self>, round: u64, mut chance: Rng) -> usize {
        for _ in 0..WRITES {
            pause(&mut chance).await;
            let version = self.origin.incr_or_init(key("origin", round), 1, 1, HOUR).await.unwrap();
            pause(&mut chance).await;
            let Some(deed) = chance.choice(self.writes.iter().copied()) else { break };
            match deed {
                Deed::Put => self.rates.put(&round, &version).await.unwrap(),
                Deed::Rewrite => drop(rate::refresh(&self, round, chance.fork()).await),
                _ => self.rates.invalidate(&round).await.unwrap(),
            }
            let noted = self.origin.set(key("floor", round), version, HOUR).await;
            assert!(noted.unwrap().is_stored());
        }
        0
    }

    async fn load(&self, round: u64, mut chance: Rng) -> u64 {
        pause(&mut chance).await;
        let version = self.numbers("origin", &[round]).await[0];
        pause(&mut chance).await;
        version
    }

    async fn load_many(
        &self,
        rounds: Vec<u64>,
        mut chance: Rng,
    ) -> std::collections::HashMap<u64, u64> {
        pause(&mut chance).await;
        let versions = self.numbers("origin", &rounds).await;
        pause(&mut chance).await;
        rounds.into_iter().zip(versions).collect()
    }

    /// Reads the numbers of this kind from the origin's server; what was never written is zero.
    async fn numbers(&self, kind: &str, rounds: &[u64]) -> Vec<u64> {
        let keys: Vec<String> = rounds.iter().map(|&round| key(kind, round)).collect();
        let numbers = self.origin.get_many(&keys).await.into_iter().map(|number| {
            let number = number.unwrap();
            number.map_or(0, |number| {
                std::str::from_utf8(number.data()).unwrap().trim_end().parse().unwrap()
            })
        });
        numbers.collect()
    }

    /// Returns what decides all moments of one player in a round.
    fn chance(&self, round: u64, side: u64, player: u64) -> Rng {
        Rng::with_seed(self.seed.wrapping_add(round * 1024 + side * 512 + player))
    }
}

/// The function whose entries are played with.
#[cached(name = "rate", ttl = "1h", skip(stage, chance))]
async fn rate(stage: &Stage, round: u64, chance: Rng) -> u64 {
    stage.load(round, chance).await
}

fn key(kind: &str, round: u64) -> String {
    format!("{kind}:{round}")
}

/// Says so if an answer is older than it may be; returns how many answers that were.
fn judge(deed: impl fmt::Display, round: u64, floor: u64, answer: Option<u64>) -> usize {
    let Some(answer) = answer else { return 0 };
    if answer < floor {
        say(&format!("old {deed}: round {round} was answered {answer} after {floor} was written"));
    }
    1
}

async fn pause(chance: &mut Rng) {
    match chance.u64(0..6) {
        0 => {}
        1 | 2 => yield_now().await,
        millis => sleep(Duration::from_millis(millis - 2)).await,
    }
}
