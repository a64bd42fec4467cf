//! The options of the near tier, counted on the wire.

use std::time::Duration;

use memclient::{
    Cache, CacheBackend, CacheBuilder, Client, Clock, Dialect, Key, MokaBackend, Tiered, Ttl,
    Value,
    backend::{Delete, Get, Hit, LeaseTerms, Read, Set, Tier},
};
use memclient_tests::{Faults, Memcached, Proxy};

const NEAR: Duration = Duration::from_secs(30);
const LARGE: usize = 50_000;

/// A memcached, a client whose bytes are counted, and another client that is a process of its own.
struct Wire {
    proxy: Proxy,
    client: Client,
    other: Client,
    clock: Clock,
    _server: Memcached,
}

impl Wire {
    async fn start(dialect: Dialect) -> Self {
        let server = Memcached::start().await.unwrap();
        let proxy = Proxy::start(server.address(), Faults::none()).unwrap();
        let client = Client::builder().server(proxy.address()).dialect(dialect).build().unwrap();
        let other = Client::new(server.address()).unwrap();
        Self { proxy, client, other, clock: Clock::manual(), _server: server }
    }

    fn cache(&self, options: impl FnOnce(CacheBuilder) -> CacheBuilder) -> Cache {
        let builder = Cache::builder().backend(self.client.clone()).near_ttl(NEAR);
        options(builder.ttl(Ttl::Never).clock(self.clock.clone())).build().unwrap()
    }

    fn tiers(&self) -> Tiered<MokaBackend, Client> {
        let near = MokaBackend::builder().clock(self.clock.clone()).build();
        Tiered::new(near, self.client.clone()).near_ttl(NEAR).clock(self.clock.clone())
    }

    /// Returns how many bytes the server sends meanwhile.
    async fn bytes_of<T>(&self, work: impl AsyncFnOnce() -> T) -> (T, u64) {
        let before = self.proxy.bytes_down();
        let outcome = work().await;
        (outcome, self.proxy.bytes_down() - before)
    }

    async fn put(&self, key: &str, byte: u8, ttl: Ttl) {
        let value = Value::new(vec![byte; LARGE], 0);
        assert!(self.other.set(key, value, ttl).await.unwrap().is_stored());
    }
}

async fn read(tiers: &Tiered<MokaBackend, Client>, key: &str) -> Option<Hit> {
    tiers.get(&Key::new(key).unwrap(), Get::default()).await.unwrap().hit()
}

fn first(hit: Option<Hit>) -> Option<(u8, Tier)> {
    hit.map(|hit| (hit.value.data()[0], hit.tier))
}

#[tokio::test]
async fn a_copy_past_its_near_time_is_confirmed_without_its_value() {
    let wire = Wire::start(Dialect::Meta).await;
    let cache = wire.cache(|builder| builder.near_revalidate(true));
    let texts = cache.typed::<String>("text");
    texts.put("k", &"x".repeat(LARGE)).await.unwrap();
    assert_eq!(texts.get("k").await.unwrap().map(|text| text.len()), Some(LARGE));
    // What was written has no version yet, so this read moves the value; those behind it do not.
    wire.clock.advance(NEAR);
    let (_, bytes) = wire.bytes_of(async || texts.get("k").await.unwrap().unwrap()).await;
    assert!(bytes > LARGE as u64, "{bytes}");
    for _ in 0..3 {
        wire.clock.advance(NEAR);
        let (text, bytes) = wire.bytes_of(async || texts.get("k").await.unwrap().unwrap()).await;
        assert_eq!(text.len(), LARGE);
        assert!((1..100).contains(&bytes), "{bytes}");
        let (_, bytes) = wire.bytes_of(async || texts.get("k").await.unwrap().unwrap()).await;
        assert_eq!(bytes, 0, "it is near for another near time");
    }
}

#[tokio::test]
async fn a_copy_of_what_has_changed_is_read_again() {
    let wire = Wire::start(Dialect::Meta).await;
    let tiers = wire.tiers().revalidate(true);
    wire.put("k", 1, Ttl::Never).await;
    assert_eq!(first(read(&tiers, "k").await), Some((1, Tier::Far)));
    wire.put("k", 2, Ttl::Never).await;
    assert_eq!(first(read(&tiers, "k").await), Some((1, Tier::Near)));
    wire.clock.advance(NEAR);
    assert_eq!(first(read(&tiers, "k").await), Some((2, Tier::Far)));
    assert!(wire.other.delete("k").await.unwrap().is_deleted());
    wire.clock.advance(NEAR);
    assert_eq!(read(&tiers, "k").await, None);
    // The copy is gone with it: one question, as for what was never there, and not two.
    let (_, bytes) = wire.bytes_of(async || read(&tiers, "k").await).await;
    let (_, miss) = wire.bytes_of(async || read(&tiers, "never").await).await;
    assert!(2 * bytes < 3 * miss, "{bytes}, {miss}");
}

#[tokio::test]
async fn a_batch_confirms_what_has_not_changed_and_reads_the_rest() {
    let wire = Wire::start(Dialect::Meta).await;
    let tiers = wire.tiers().revalidate(true);
    let keys = ["a", "b", "c", "d"].map(|key| Key::new(key).unwrap());
    for key in ["a", "b", "c"] {
        wire.put(key, 1, Ttl::Never).await;
    }
    tiers.get_many(&keys, Get::default()).await;
    wire.clock.advance(NEAR);
    wire.put("b", 2, Ttl::Never).await;
    let (answers, bytes) =
        wire.bytes_of(async || tiers.get_many(&keys, Get::default()).await).await;
    let found: Vec<_> = answers.into_iter().map(|read| first(read.unwrap().hit())).collect();
    let far = |byte| Some((byte, Tier::Far));
    assert_eq!(found, [far(1), far(2), far(1), None]);
    assert!((LARGE as u64..LARGE as u64 + 400).contains(&bytes), "{bytes}");
    let (_, bytes) = wire.bytes_of(async || tiers.get_many(&keys[..3], Get::default()).await).await;
    assert_eq!(bytes, 0);
}

#[tokio::test]
async fn a_copy_whose_item_ends_at_another_time_is_read_again() {
    let wire = Wire::start(Dialect::Meta).await;
    let tiers = Tiered::new(MokaBackend::new(), wire.client.clone());
    let tiers = tiers.near_ttl(Duration::from_secs(1)).revalidate(true);
    for key in ["same", "touched"] {
        wire.put(key, 1, Ttl::secs(600)).await;
        assert!(read(&tiers, key).await.is_some());
    }
    assert!(wire.other.touch("touched", Ttl::secs(300)).await.unwrap().is_touched());
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    let (_, bytes) = wire.bytes_of(async || read(&tiers, "same").await).await;
    assert!((1..100).contains(&bytes), "{bytes}");
    let (_, bytes) = wire.bytes_of(async || read(&tiers, "touched").await).await;
    assert!(bytes > LARGE as u64, "{bytes}");
}

#[tokio::test]
async fn a_copy_of_an_item_that_is_to_be_refreshed_is_no_answer_to_who_asks_for_the_lease() {
    let wire = Wire::start(Dialect::Meta).await;
    let tiers = Tiered::new(MokaBackend::new(), wire.client.clone());
    let tiers = tiers.near_ttl(Duration::from_secs(1)).revalidate(true);
    wire.put("k", 1, Ttl::secs(100)).await;
    assert!(read(&tiers, "k").await.is_some());
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    let terms = LeaseTerms::new(Duration::from_secs(10)).recache(Duration::from_secs(200));
    let found = tiers.get(&Key::new("k").unwrap(), Get::lease(terms)).await.unwrap();
    assert!(matches!(found, Read::Refresh(..)), "{found:?}");
}

#[tokio::test]
async fn a_stale_item_is_not_confirmed_and_its_refresh_stays_to_be_had() {
    let wire = Wire::start(Dialect::Meta).await;
    let tiers = wire.tiers().revalidate(true);
    let key = Key::new("k").unwrap();
    wire.put("k", 1, Ttl::Never).await;
    assert!(read(&tiers, "k").await.is_some());
    let stale = Delete::stale_for(Duration::from_secs(60));
    assert!(CacheBackend::delete(&wire.other, &key, stale).await.unwrap().is_deleted());
    wire.clock.advance(NEAR);
    assert!(matches!(tiers.get(&key, Get::default()).await.unwrap(), Read::Stale(_)));
    let terms = LeaseTerms::new(Duration::from_secs(10));
    let asked = CacheBackend::get(&wire.other, &key, Get::lease(terms)).await.unwrap();
    assert!(matches!(asked, Read::StaleWon(..)), "{asked:?}");
}

#[tokio::test]
async fn without_the_option_or_the_dialect_a_copy_past_its_near_time_is_read_again() {
    for (dialect, revalidate) in [(Dialect::Meta, false), (Dialect::Classic, true)] {
        let wire = Wire::start(dialect).await;
        let tiers = wire.tiers().revalidate(revalidate);
        wire.put("k", 1, Ttl::Never).await;
        assert!(read(&tiers, "k").await.is_some());
        wire.clock.advance(NEAR);
        let (hit, bytes) = wire.bytes_of(async || read(&tiers, "k").await).await;
        assert_eq!(first(hit), Some((1, Tier::Far)));
        assert!(bytes > LARGE as u64, "{bytes}");
    }
}

/// Reads an entry and says whether it is near then.
async fn is_near(tiers: &Tiered<MokaBackend, Client>, key: &str) -> bool {
    assert!(read(tiers, key).await.is_some());
    tiers.local(key.as_bytes()).is_some()
}

#[tokio::test]
async fn only_what_was_read_before_comes_near_where_that_is_asked_for() {
    let wire = Wire::start(Dialect::Meta).await;
    let tiers = wire.tiers().admit_hot(Duration::from_secs(60));
    for key in ["once", "twice", "elsewhere"] {
        wire.put(key, 1, Ttl::secs(600)).await;
    }
    assert!(!is_near(&tiers, "once").await);
    assert!(!is_near(&tiers, "twice").await);
    assert!(is_near(&tiers, "twice").await, "the first read was one before the second");
    let (_, bytes) = wire.bytes_of(async || read(&tiers, "twice").await).await;
    assert_eq!(bytes, 0);
    assert!(wire.other.get("elsewhere").await.unwrap().is_some());
    assert!(is_near(&tiers, "elsewhere").await, "any process may have read it");
    // What is stored anew was read by nobody yet.
    let key = Key::new("twice").unwrap();
    let how = Set::ttl(Ttl::secs(600));
    assert!(tiers.set(&key, Value::new("new", 0), how).await.unwrap().is_stored());
    assert!(tiers.local(b"twice").is_none());
    let keys = ["once", "twice"].map(|key| Key::new(key).unwrap());
    tiers.get_many(&keys, Get::default()).await;
    assert!(tiers.local(b"once").is_some(), "its second read");
    assert!(tiers.local(b"twice").is_none(), "its first read");
    let terms = LeaseTerms::new(Duration::from_secs(10));
    assert!(tiers.get(&key, Get::lease(terms)).await.unwrap().hit().is_some());
    assert!(tiers.local(b"twice").is_some(), "a read for a lease tells as well");
}

#[tokio::test]
async fn what_was_read_too_long_ago_does_not_come_near() {
    let wire = Wire::start(Dialect::Meta).await;
    let tiers = wire.tiers().admit_hot(Duration::from_secs(1));
    wire.put("k", 1, Ttl::secs(600)).await;
    assert!(!is_near(&tiers, "k").await);
    tokio::time::sleep(Duration::from_millis(3_200)).await;
    assert!(!is_near(&tiers, "k").await, "it was read, but long ago");
    // memcached notes the reads of an item that it took for cold a little later.
    let soon = async {
        while !is_near(&tiers, "k").await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), soon).await.expect("it was read just now");
}

#[tokio::test]
async fn where_nobody_tells_how_an_entry_is_used_it_comes_near_at_once() {
    for (dialect, admission) in [(Dialect::Meta, false), (Dialect::Classic, true)] {
        let wire = Wire::start(dialect).await;
        let tiers =
            if admission { wire.tiers().admit_hot(Duration::from_secs(60)) } else { wire.tiers() };
        wire.put("k", 1, Ttl::secs(600)).await;
        assert!(is_near(&tiers, "k").await);
    }
}

#[tokio::test]
async fn a_cache_takes_near_what_its_function_asks_for_twice() {
    let wire = Wire::start(Dialect::Meta).await;
    let cache = wire.cache(|builder| builder.near_admit_hot(Duration::from_secs(60)));
    let numbers = cache.typed::<u64>("number");
    let load = async || numbers.get_or_load(&7, || async { 49 }).await;
    // Loaded, then read for the first time, then for the second.
    for (near, far) in [(0, 0), (0, 1), (0, 2), (1, 2)] {
        assert_eq!(load().await, 49);
        let stats = cache.stats();
        assert_eq!((stats.near_hits, stats.far_hits), (near, far));
    }
    assert_eq!(cache.stats().loads, 1);
}

#[tokio::test]
async fn a_near_copy_ends_with_its_item_in_memcached() {
    let wire = Wire::start(Dialect::Meta).await;
    for revalidate in [false, true] {
        let tiers = Tiered::new(MokaBackend::new(), wire.client.clone()).revalidate(revalidate);
        wire.put("k", 1, Ttl::secs(3)).await;
        assert!(is_near(&tiers, "k").await);
        // Gone there, and so gone here as soon as its seconds have passed.
        tokio::time::sleep(Duration::from_millis(3_100)).await;
        assert!(tiers.local(b"k").is_none());
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(read(&tiers, "k").await, None);
    }
}
