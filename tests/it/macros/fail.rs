//! Functions that do not run where their cache cannot be reached, over a real memcached.

use std::{
    collections::HashMap,
    sync::{LazyLock, OnceLock},
    time::Duration,
};

use memclient::{Cache, CacheValue, Client, Clock, Error, cached};
use memclient_tests::{Faults, Memcached, Mode, Proxy};
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use super::{Runs, hold};

#[derive(Clone, Debug)]
enum Trouble {
    Cache(Error),
    Loader,
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Self::Cache(error)
    }
}

impl PartialEq for Trouble {
    fn eq(&self, other: &Self) -> bool {
        matches!((self, other), (Self::Loader, Self::Loader))
    }
}

type Answer<T> = Result<T, Trouble>;

/// An error that can be kept.
#[derive(CacheValue, Clone, Debug, Deserialize, PartialEq, Serialize)]
struct Told;

impl From<Error> for Told {
    fn from(_: Error) -> Self {
        Self
    }
}

/// A server that a test can take away.
struct Way {
    proxy: Proxy,
    cache: Cache,
    clock: Clock,
}

impl Way {
    fn new(server: &Memcached, near: Duration) -> Self {
        let proxy = Proxy::start(server.address(), Faults::none()).unwrap();
        let client = Client::builder().server(proxy.address());
        let client = client.timeout(Duration::from_millis(500)).build().unwrap();
        let clock = Clock::manual();
        let cache = Cache::builder().backend(client).near_ttl(near).clock(clock.clone());
        Self { cache: cache.namespace("fail").build().unwrap(), proxy, clock }
    }
}

#[track_caller]
fn refused<T: std::fmt::Debug>(answer: Answer<T>) {
    match answer {
        Err(Trouble::Cache(error)) => {
            assert!(error.is_connect() || error.is_closed() || error.is_timeout(), "{error:?}");
        }
        other => panic!("the function ran: {other:?}"),
    }
}

#[tokio::test]
async fn a_function_that_fails_closed_does_not_run_without_its_cache() {
    static CACHE: OnceLock<Cache> = OnceLock::new();
    static RUNS: Runs = Runs::new();
    static OPEN: Runs = Runs::new();
    let fixture = hold();
    let way = Way::new(&fixture.server, Duration::from_secs(60));
    CACHE.set(way.cache.clone()).unwrap();

    #[cached(cache = CACHE.get().unwrap(), name = "closed.plain", fail = "closed")]
    async fn plain(id: u64) -> Answer<u64> {
        RUNS.note();
        if id < 100 { Ok(id) } else { Err(Trouble::Loader) }
    }
    #[cached(cache = CACHE.get().unwrap(), none = "1m", codec = "json", fail = "closed")]
    async fn found(id: u64) -> Result<Option<u64>, Trouble> {
        RUNS.note();
        Ok((id < 100).then_some(id))
    }
    #[cached(cache = CACHE.get().unwrap(), cache_if = |id| *id > 0, fail = "closed")]
    async fn judged(id: u64) -> Result<u64, Trouble> {
        RUNS.note();
        Ok(id)
    }
    #[cached(cache = CACHE.get().unwrap(), on_error = "cache", fail = "closed")]
    async fn whole(id: u64) -> Result<u64, Told> {
        RUNS.note();
        Ok(id)
    }
    #[cached(cache = CACHE.get().unwrap(), single_flight = false, fail = "closed")]
    fn blocking(id: u64) -> Answer<u64> {
        RUNS.note();
        Ok(id)
    }
    #[cached(cache = CACHE.get().unwrap(), refresh = "background", fail = "closed")]
    async fn background(id: u64) -> Answer<u64> {
        RUNS.note();
        Ok(id)
    }
    #[cached(cache = CACHE.get().unwrap(), tags("closed"), fail = "closed")]
    async fn tagged(id: u64) -> Answer<u64> {
        RUNS.note();
        Ok(id)
    }
    struct Shop;
    impl Shop {
        #[cached(cache = CACHE.get().unwrap(), skip(self), fail = "closed")]
        async fn price(&self, id: u64) -> Answer<u64> {
            RUNS.note();
            Ok(id)
        }
    }
    #[cached(cache = CACHE.get().unwrap(), fail = "open")]
    async fn open(id: u64) -> Answer<u64> {
        OPEN.note();
        Ok(id)
    }

    for _ in 0..2 {
        assert_eq!(plain(1).await, Ok(1));
        assert_eq!(found(1).await, Ok(Some(1)));
        assert_eq!(judged(1).await, Ok(1));
        assert_eq!(blocking(1), Ok(1));
        assert_eq!(background(1).await, Ok(1));
        assert_eq!(tagged(1).await, Ok(1));
        assert_eq!(Shop.price(1).await, Ok(1));
    }
    assert_eq!(whole(1).await, Ok(1));
    assert_eq!(plain(100).await, Err(Trouble::Loader), "its own error is its own");
    let ran = RUNS.count();
    assert_eq!(ran, 9);

    way.proxy.set(Mode::Refuse);
    assert_eq!(plain(1).await, Ok(1), "what is in the process is there still");
    refused(plain(2).await);
    refused(found(2).await);
    refused(judged(2).await);
    assert_eq!(whole(2).await, Err(Told));
    refused(blocking(2));
    refused(background(2).await);
    refused(tagged(2).await);
    refused(Shop.price(2).await);
    assert_eq!(RUNS.count(), ran);
    assert_eq!(open(2).await, Ok(2));
    assert_eq!(OPEN.count(), 1);
    assert_eq!(plain::uncached(2).await, Ok(2), "who asks for the function has it run");

    way.proxy.set(Mode::Pass);
    let back = async {
        while plain(3).await != Ok(3) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), back).await.unwrap();
}

#[tokio::test]
async fn all_who_ask_at_once_are_refused_at_once() {
    static CACHE: OnceLock<Cache> = OnceLock::new();
    static RUNS: Runs = Runs::new();
    let fixture = hold();
    let way = Way::new(&fixture.server, Duration::ZERO);
    CACHE.set(way.cache.clone()).unwrap();

    #[cached(cache = CACHE.get().unwrap(), fail = "closed")]
    async fn crowded(id: u64) -> Answer<u64> {
        RUNS.note();
        Ok(id)
    }
    assert_eq!(crowded(1).await, Ok(1));
    way.proxy.set(Mode::Swallow);
    let mut callers = JoinSet::new();
    for _ in 0..32 {
        callers.spawn(crowded(1));
    }
    // Were they to find it out one after the other, it would take 16 seconds.
    let all = tokio::time::timeout(Duration::from_secs(8), callers.join_all()).await.unwrap();
    all.into_iter().for_each(refused);
    assert_eq!(RUNS.count(), 1);
}

#[tokio::test]
async fn what_is_stale_is_answered_before_an_error() {
    static CACHE: OnceLock<Cache> = OnceLock::new();
    static RUNS: Runs = Runs::new();
    let fixture = hold();
    let way = Way::new(&fixture.server, Duration::from_secs(600));
    CACHE.set(way.cache.clone()).unwrap();

    #[cached(cache = CACHE.get().unwrap(), ttl = "10s", grace = "5m", fail = "closed")]
    async fn aged(id: u64) -> Answer<u64> {
        RUNS.note();
        Ok(id)
    }
    assert_eq!(aged(1).await, Ok(1));
    way.proxy.set(Mode::Refuse);
    way.clock.advance(Duration::from_secs(30));
    let stale = way.cache.stats().stale_hits;
    assert_eq!(aged(1).await, Ok(1));
    assert_eq!(way.cache.stats().stale_hits, stale + 1);
    refused(aged(2).await);
    assert_eq!(RUNS.count(), 1);
}

#[tokio::test]
async fn a_batch_that_fails_closed_is_refused_whole() {
    static CACHE: OnceLock<Cache> = OnceLock::new();
    static RUNS: Runs = Runs::new();
    let fixture = hold();
    let way = Way::new(&fixture.server, Duration::from_secs(60));
    CACHE.set(way.cache.clone()).unwrap();

    #[cached(cache = CACHE.get().unwrap(), batch = ids, fail = "closed")]
    async fn many(ids: &[u64]) -> Answer<HashMap<u64, u64>> {
        RUNS.note();
        Ok(ids.iter().map(|id| (*id, id * id)).collect())
    }
    #[cached(cache = CACHE.get().unwrap(), batch = ids, fail = "closed")]
    fn blocking(ids: Vec<u64>) -> Answer<HashMap<u64, u64>> {
        RUNS.note();
        Ok(ids.into_iter().map(|id| (id, id * id)).collect())
    }
    assert_eq!(many(&[2, 3]).await, Ok(HashMap::from([(2, 4), (3, 9)])));
    assert_eq!(blocking(vec![2]), Ok(HashMap::from([(2, 4)])));
    way.proxy.set(Mode::Refuse);
    assert_eq!(many(&[2, 3]).await, Ok(HashMap::from([(2, 4), (3, 9)])));
    refused(many(&[2, 5]).await);
    refused(blocking(vec![5]));
    assert_eq!(RUNS.count(), 2);
}

#[tokio::test]
async fn a_cache_of_the_process_alone_is_always_reached() {
    static CACHE: LazyLock<Cache> = LazyLock::new(|| Cache::builder().build().unwrap());
    #[cached(cache = CACHE, fail = "closed")]
    async fn inside(id: u64) -> Answer<u64> {
        Ok(id)
    }
    assert_eq!(inside(1).await, Ok(1));
}
