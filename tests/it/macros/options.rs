//! What each option changes, over a real memcached. An entry that was stored for an hour is stale to
//! a function that gives its entries more than an hour of grace.

use std::{
    future::pending,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use memclient::{
    CacheKey, CacheValue, Client, Compression, Policy, TtlLeft, backend::Tier, cache_put, cached,
};
use serde::{Deserialize, Serialize};
use tokio::{sync::Notify, task::JoinSet, time::timeout};

use super::{Down, Fixture, Runs, cache, hold};

const HOUR: Duration = Duration::from_secs(3600);

/// Longer than anything here takes; passing it is a hang.
const HANG: Duration = Duration::from_secs(30);

/// Waits for what happens in the background.
async fn until(mut holds: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    timeout(HANG, waiting).await.expect("it happens");
}

/// Stores a value as the function of this name would have, to live for an hour.
async fn stored_for_an_hour<T: CacheValue>(name: &str, key: u64, value: &T) {
    cache().typed::<T>(name).ttl(HOUR).put(&key, value).await.unwrap();
}

/// Returns for how many seconds the server will keep what has this key.
async fn seconds_left(fixture: &Fixture, key: &memclient::Key) -> u64 {
    let client = Client::new(fixture.server.address()).unwrap();
    match client.meta_of(key).await.unwrap().expect("it is kept").ttl_left {
        TtlLeft::Left(left) => left.as_secs(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn times_to_live_reach_the_server() {
    let fixture = hold();
    #[cached(cache = cache(), ttl = "10m")]
    async fn text(_id: u64) -> u64 {
        1
    }
    #[cached(cache = cache(), ttl = HOUR * 2)]
    async fn expression(_id: u64) -> u64 {
        1
    }
    #[cached(cache = cache(), ttl = "10m", grace = "1h")]
    async fn with_grace(_id: u64) -> u64 {
        1
    }
    #[cached(cache = cache(), ttl = "10m", none = "1m")]
    async fn absent(_id: u64) -> Option<u64> {
        None
    }
    text(1).await;
    expression(1).await;
    with_grace(1).await;
    absent(1).await;
    let keys = [
        (text::key(1), 600),
        (expression::key(1), 7200),
        (with_grace::key(1), 4200),
        (absent::key(1), 60),
    ];
    for (key, ttl) in keys {
        let left = seconds_left(&fixture, &key).await;
        assert!((ttl - 5..=ttl).contains(&left), "{key}: {left}");
    }
}

#[tokio::test]
async fn a_value_may_say_how_long_it_lives() {
    let fixture = hold();
    #[cached(cache = cache(), ttl = "10m", ttl_for = |life: &u64| Duration::from_secs(*life))]
    async fn told(life: u64) -> Result<Option<u64>, Down> {
        Ok((life > 0).then_some(life))
    }
    #[cached(
        cache = cache(),
        none = "1m",
        cache_if = |life: &u64| *life > 100,
        ttl_for = |life: &u64| Duration::from_secs(*life),
    )]
    fn both(life: u64) -> Option<u64> {
        (life > 0).then_some(life)
    }
    #[cache_put(told(*life))]
    async fn write(life: &u64) -> u64 {
        *life
    }
    let left = async |key| seconds_left(&fixture, &key).await;
    assert_eq!(told(100).await, Ok(Some(100)));
    assert_eq!(told::refresh(200).await, Ok(Some(200)));
    told::put(300, &400).await.unwrap();
    write(&500).await;
    told::call(Policy::new().ttl(HOUR), 600).await.unwrap();
    for (life, ttl) in [(100, 100), (200, 200), (300, 400), (500, 500), (600, 600)] {
        let left = left(told::key(life)).await;
        assert!((ttl - 5..=ttl).contains(&left), "{life}: {left}");
    }
    assert_eq!((both(0), both(50), both(500)), (None, Some(50), Some(500)));
    assert_eq!(both::peek(50).unwrap(), None);
    for (life, ttl) in [(0, 60), (500, 500)] {
        let left = left(both::key(life)).await;
        assert!((ttl - 5..=ttl).contains(&left), "{life}: {left}");
    }
}

#[tokio::test]
async fn what_is_not_kept_near_is_read_from_the_server_each_time() {
    let _fixture = hold();
    #[cached(cache = cache(), near = false)]
    async fn far(id: u64) -> u64 {
        id
    }
    #[cached(cache = cache(), near = "1h")]
    async fn near(id: u64) -> u64 {
        id
    }
    for _ in 0..3 {
        assert_eq!((far(1).await, near(1).await), (1, 1));
        assert_eq!(far::with_meta(1).await.unwrap().unwrap().tier, Tier::Far);
        assert_eq!(near::with_meta(1).await.unwrap().unwrap().tier, Tier::Near);
        far::put(1, &1).await.unwrap();
        far::refresh(1).await;
    }
}

#[tokio::test]
async fn callers_who_share_no_loads_do_not_wait() {
    let _fixture = hold();
    static RUNS: Runs = Runs::new();
    #[cached(cache = cache(), single_flight = false)]
    async fn alone(id: u64) -> u64 {
        RUNS.note();
        // Each waits until all have begun, so that one which waited for another would hang.
        while RUNS.count() < 8 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        id
    }
    let calls: JoinSet<_> = (0..8).map(|_| alone(7)).collect();
    assert_eq!(timeout(HANG, calls.join_all()).await.expect("nobody waits"), [7; 8]);
    assert_eq!(RUNS.count(), 8);
    assert_eq!(alone(7).await, 7);
    assert_eq!(RUNS.count(), 8, "the first result was kept");
}

#[tokio::test]
async fn jitter_spreads_the_times_to_live() {
    let fixture = hold();
    #[cached(cache = cache(), ttl = "10000s", jitter = 50)]
    async fn spread(id: u64) -> u64 {
        id
    }
    let mut lives = Vec::new();
    for id in 0..32 {
        spread(id).await;
        lives.push(seconds_left(&fixture, &spread::key(id)).await);
    }
    assert!(lives.iter().all(|left| (4990..=10000).contains(left)), "{lives:?}");
    assert!(lives.iter().any(|left| *left < 9000), "{lives:?}");
}

#[tokio::test]
async fn what_is_stale_is_answered_where_the_function_fails() {
    let _fixture = hold();
    static RUNS: Runs = Runs::new();
    #[cached(cache = cache(), name = "options.grace", ttl = "1m", grace = "2h", throttle = HOUR)]
    async fn failing(_id: u64) -> Result<u64, Down> {
        RUNS.note();
        Err(Down)
    }
    stored_for_an_hour("options.grace", 7, &1_u64).await;
    for _ in 0..3 {
        assert_eq!(failing(7).await, Ok(1));
    }
    assert_eq!(RUNS.count(), 1, "it is left alone after a failure");
    assert_eq!(failing(8).await, Err(Down));
}

#[tokio::test]
async fn who_has_a_stale_value_waits_only_so_long() {
    let _fixture = hold();
    #[cached(
        cache = cache(),
        name = "options.soft_timeout",
        ttl = "1m",
        grace = "2h",
        soft_timeout = "1ms"
    )]
    async fn hanging(_id: u64) -> u64 {
        pending().await
    }
    stored_for_an_hour("options.soft_timeout", 7, &1_u64).await;
    assert_eq!(timeout(HANG, hanging(7)).await.unwrap(), 1);
}

#[tokio::test]
async fn what_is_stale_is_loaded_in_the_background() {
    let _fixture = hold();
    #[cached(
        cache = cache(),
        name = "options.background",
        ttl = "1m",
        grace = "2h",
        refresh = "background",
        skip(gate, loaded)
    )]
    async fn behind(gate: Arc<Notify>, loaded: Arc<Notify>, id: u64) -> u64 {
        gate.notified().await;
        loaded.notify_one();
        id
    }
    stored_for_an_hour("options.background", 7, &1_u64).await;
    let (gate, loaded) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let answer = behind(Arc::clone(&gate), Arc::clone(&loaded), 7);
    assert_eq!(timeout(HANG, answer).await.unwrap(), 1);
    gate.notify_one();
    timeout(HANG, loaded.notified()).await.unwrap();
    until(async || behind::peek(7).await.unwrap() == Some(7)).await;
}

#[tokio::test]
async fn a_load_in_the_background_ends() {
    let fixture = hold();
    #[cached(
        cache = cache(),
        name = "options.timeout",
        ttl = "1m",
        grace = "2h",
        refresh = "background",
        timeout = "1ms"
    )]
    async fn hanging(_id: u64) -> u64 {
        pending().await
    }
    stored_for_an_hour("options.timeout", 7, &1_u64).await;
    let before = fixture.cache.stats().failed_refreshes;
    assert_eq!(timeout(HANG, hanging(7)).await.unwrap(), 1);
    until(async || fixture.cache.stats().failed_refreshes > before).await;
}

#[tokio::test]
async fn what_is_about_to_end_is_loaded_early_unless_told_not_to() {
    let _fixture = hold();
    static RUNS: Runs = Runs::new();
    // What lives on for an hour is in its last second.
    #[cached(cache = cache(), name = "options.early", ttl = "1m", grace = "3599s", refresh = "background")]
    async fn early(_id: u64) -> u64 {
        RUNS.note();
        2
    }
    static LATE: Runs = Runs::new();
    #[cached(
        cache = cache(),
        name = "options.late",
        ttl = "1m",
        grace = "3599s",
        refresh = "background",
        early = false
    )]
    async fn late(_id: u64) -> u64 {
        LATE.note();
        2
    }
    for name in ["options.early", "options.late"] {
        let load_slowly = || async {
            tokio::time::sleep(Duration::from_millis(20)).await;
            1_u64
        };
        let handle = cache().typed::<u64>(name).ttl(HOUR);
        assert_eq!(handle.get_or_load(&7, load_slowly).await, 1);
    }
    assert_eq!((early(7).await, late(7).await), (1, 1));
    until(async || early::peek(7).await.unwrap() == Some(2)).await;
    assert_eq!((RUNS.count(), LATE.count()), (1, 0));
}

#[tokio::test]
async fn a_lease_is_held_for_its_time() {
    let fixture = hold();
    static LEFT: AtomicU64 = AtomicU64::new(0);
    #[cached(cache = cache(), lease = "5m")]
    async fn slow(_id: u64) -> u64 {
        LEFT.store(seconds_left(&hold(), &slow::key(7)).await, Ordering::SeqCst);
        1
    }
    slow(7).await;
    drop(fixture);
    assert!((290..=300).contains(&LEFT.load(Ordering::SeqCst)), "{LEFT:?}");
}

#[derive(CacheValue, Clone, Debug, Deserialize, PartialEq, Serialize)]
struct Order {
    id: u64,
    is_final: bool,
}

fn order(id: u64) -> Order {
    Order { id, is_final: id < 100 }
}

#[tokio::test]
async fn only_what_passes_cache_if_is_kept() {
    let _fixture = hold();
    static RUNS: Runs = Runs::new();
    #[cached(cache = cache(), cache_if = |order: &Order| order.is_final)]
    async fn closure(id: u64) -> Result<Order, Down> {
        RUNS.note();
        Ok(order(id))
    }
    fn is_final(order: &Order) -> bool {
        order.is_final
    }
    #[cached(cache = cache(), cache_if = is_final, none = "1m")]
    fn path(id: u64) -> Option<Order> {
        RUNS.note();
        (id > 0).then(|| order(id))
    }
    struct Shop(u64);
    impl Shop {
        #[cached(cache = cache(), skip(self), cache_if = |order: &Order| order.id < self.0)]
        async fn order(&self, id: u64) -> Order {
            RUNS.note();
            order(id)
        }
    }
    for _ in 0..2 {
        assert_eq!(closure(7).await, Ok(order(7)));
        assert_eq!(closure(700).await, Ok(order(700)));
        assert_eq!(path(7), Some(order(7)));
        assert_eq!(path(700), Some(order(700)));
        assert_eq!(path(0), None);
        assert_eq!(Shop(500).order(7).await, order(7));
        assert_eq!(Shop(500).order(700).await, order(700));
    }
    assert_eq!(RUNS.count(), 7 + 3, "the three that are not final run twice");
    assert_eq!(closure::refresh(700).await, Ok(order(700)));
    assert_eq!(closure::peek(700).await.unwrap(), None);
}

#[tokio::test]
async fn an_error_is_kept_where_asked_for() {
    let fixture = hold();
    static RUNS: Runs = Runs::new();
    #[cached(cache = cache(), ttl = "10s", on_error = "cache")]
    async fn parsed(text: &str) -> Result<Option<u32>, String> {
        RUNS.note();
        if text.is_empty() {
            return Ok(None);
        }
        text.parse().map(Some).map_err(|_| format!("{text} is no number"))
    }
    for _ in 0..2 {
        assert_eq!(parsed("x").await, Err("x is no number".to_owned()));
        assert_eq!(parsed("").await, Ok(None));
        assert_eq!(parsed("7").await, Ok(Some(7)));
    }
    assert_eq!(RUNS.count(), 3);
    assert!(seconds_left(&fixture, &parsed::key("x")).await <= 10);
    assert_eq!(parsed::peek("x").await.unwrap(), Some(Err("x is no number".to_owned())));
}

#[tokio::test]
async fn a_codec_changes_what_is_stored() {
    let fixture = hold();
    static RUNS: Runs = Runs::new();
    #[cached(cache = cache(), codec = "json", none = "1m")]
    async fn as_json(id: u64) -> Result<Option<Order>, Down> {
        RUNS.note();
        Ok((id > 0).then(|| order(id)))
    }
    #[cached(cache = cache(), codec = "json")]
    fn text(id: u64) -> String {
        RUNS.note();
        id.to_string()
    }
    for _ in 0..2 {
        assert_eq!(as_json(7).await, Ok(Some(order(7))));
        assert_eq!(as_json(0).await, Ok(None));
        assert_eq!(text(7), "7");
    }
    assert_eq!(RUNS.count(), 3);
    let item = fixture.server.item(as_json::key(7).to_string().as_str()).await.unwrap().unwrap();
    assert_eq!(item.data, br#"{"id":7,"is_final":true}"#);
    let item = fixture.server.item(text::key(7).to_string().as_str()).await.unwrap().unwrap();
    assert_eq!(item.data, br#""7""#);
    as_json::put(7, &order(8)).await.unwrap();
    assert_eq!(as_json::peek(7).await.unwrap(), Some(Some(order(8))));
    let plain = cache().typed::<Order>("x").key("x").to_string();
    assert_ne!(as_json::key(7).to_string().split('.').next_back(), plain.split('.').next_back());
}

#[tokio::test]
async fn values_are_compressed_as_said() {
    let fixture = hold();
    macro_rules! page {
        ($name:ident, $($compress:tt)*) => {
            #[cached(cache = cache(), $($compress)*)]
            async fn $name(id: u64) -> String {
                id.to_string().repeat(10_000)
            }
        };
    }
    page!(plain,);
    page!(none, compress = "none");
    page!(zlib, compress = "zlib");
    page!(zstd, compress = "zstd");
    page!(lz4, compress = "lz4");
    page!(expression, compress = Compression::zlib(9).threshold(64));
    let page = expression(7).await;
    let all = [plain(7).await, none(7).await, zlib(7).await, zstd(7).await, lz4(7).await];
    assert!(all.iter().all(|it| *it == page));
    for (key, is_small) in [
        (plain::key(7), false),
        (none::key(7), false),
        (zlib::key(7), true),
        (zstd::key(7), true),
        (lz4::key(7), true),
        (expression::key(7), true),
    ] {
        let item = fixture.server.item(&key.to_string()).await.unwrap().unwrap();
        assert_eq!(item.data.len() < 1000, is_small, "{key}: {}", item.data.len());
    }
}

#[tokio::test]
async fn a_call_may_have_a_policy_of_its_own() {
    let fixture = hold();
    static RUNS: Runs = Runs::new();
    #[cached(cache = cache(), ttl = "10m")]
    async fn usual<T: CacheKey + Into<u64>>(id: T) -> u64 {
        RUNS.note();
        id.into()
    }
    #[cached(cache = cache(), ttl = "10m")]
    fn blocking(id: &u64) -> u64 {
        RUNS.note();
        *id
    }
    let policy = Policy::new().ttl(Duration::from_secs(60));
    for _ in 0..2 {
        assert_eq!(usual::call(policy, 7_u32).await, 7);
        assert_eq!(usual(7_u32).await, 7);
        assert_eq!(blocking::call(policy, &7), 7);
    }
    assert_eq!(RUNS.count(), 2);
    for key in [usual::key(7_u32), blocking::key(&7)] {
        assert!(seconds_left(&fixture, &key).await <= 60, "{key}");
    }
}
