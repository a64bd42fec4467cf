//! What `#[cached]` does at run time, over a real memcached.

mod batch;
mod entities;
mod errors;
mod fail;
mod isolation;
mod options;
mod table;
mod tags;
mod writers;

use std::{
    io,
    sync::{
        Arc, LazyLock, Mutex, Weak,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use memclient::{Cache, CacheKey, CacheValue, Client, Fingerprint, backend::Tier, cached};
use memclient_tests::Memcached;
use serde::{Deserialize, Serialize};

/// One server and one cache for the tests that run at the same time; they keep to names of their
/// own.
struct Fixture {
    server: Memcached,
    cache: Cache,
}

static FIXTURE: Mutex<Weak<Fixture>> = Mutex::new(Weak::new());

/// Holds the fixture for the time of a test; the last one to let go stops the server.
fn hold() -> Arc<Fixture> {
    let mut held = FIXTURE.lock().unwrap();
    held.upgrade().unwrap_or_else(|| {
        let server = Memcached::builder().start_blocking().unwrap();
        let cache = tiered(&server, "macros");
        let fixture = Arc::new(Fixture { server, cache });
        *held = Arc::downgrade(&fixture);
        fixture
    })
}

/// The cache of the functions here.
fn cache() -> Cache {
    FIXTURE.lock().unwrap().upgrade().expect("the test holds the fixture").cache.clone()
}

fn tiered(server: &Memcached, namespace: &str) -> Cache {
    let client = Client::new(server.address()).unwrap();
    Cache::builder().namespace(namespace).backend(client).build().unwrap()
}

#[derive(CacheValue, Clone, Debug, Deserialize, PartialEq, Serialize)]
struct User {
    id: u64,
    name: String,
}

fn user(id: u64) -> User {
    User { id, name: format!("user {id}") }
}

/// Counts the runs of one function's body.
struct Runs(AtomicUsize);

impl Runs {
    const fn new() -> Self {
        Self(AtomicUsize::new(0))
    }

    fn note(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }

    fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

#[derive(Debug, PartialEq)]
struct Down;

type Fallible<T> = Result<T, Down>;
type Perhaps<T> = Option<T>;

#[tokio::test]
async fn none_is_kept_where_asked_for() {
    let _fixture = hold();
    static RUNS: Runs = Runs::new();
    #[cached(cache = cache())]
    async fn forgotten(_id: u64) -> Option<User> {
        RUNS.note();
        None
    }
    static KEPT: Runs = Runs::new();
    #[cached(cache = cache(), none = "30s")]
    async fn kept(_id: u64) -> Result<Option<User>, Down> {
        KEPT.note();
        Ok(None)
    }
    for _ in 0..3 {
        assert_eq!(forgotten(1).await, None);
        assert_eq!(kept(1).await, Ok(None));
    }
    assert_eq!((RUNS.count(), KEPT.count()), (3, 1));
    assert_eq!(kept::peek(1).await.unwrap(), Some(None), "it is known that there is none");
    assert_eq!(kept::peek(2).await.unwrap(), None, "nothing is known");
}

#[tokio::test]
async fn the_companion_does_what_its_names_say() {
    let _fixture = hold();
    static RUNS: Runs = Runs::new();
    #[cached(cache = cache(), ttl = "10m", skip(suffix))]
    async fn named(suffix: &str, id: u64) -> Result<User, Down> {
        RUNS.note();
        Ok(User { id, name: format!("Ada{suffix}") })
    }
    let called = |suffix: &str| User { id: 7, name: format!("Ada{suffix}") };
    assert_eq!(named::peek(7).await.unwrap(), None);
    assert_eq!(named("!", 7).await, Ok(called("!")));
    assert_eq!(named("?", 7).await, Ok(called("!")), "what is skipped is not in the key");
    assert_eq!(named::peek(7).await.unwrap(), Some(called("!")));
    assert_eq!(named::uncached("?", 7).await, Ok(called("?")));
    assert_eq!(named("?", 7).await, Ok(called("!")));
    assert_eq!(named::refresh("?", 7).await, Ok(called("?")));
    assert_eq!(named("!", 7).await, Ok(called("?")));
    named::put(7, &called("...")).await.unwrap();
    assert_eq!(named("!", 7).await, Ok(called("...")));
    named::invalidate(7).await.unwrap();
    assert_eq!(named::peek(7).await.unwrap(), None);
    assert_eq!(RUNS.count(), 3);
    named("!", 8).await.unwrap();
    let entry = named::with_meta(8).await.unwrap().unwrap();
    assert_eq!(
        (entry.value.unwrap().name.as_str(), entry.tier, entry.stale),
        ("Ada!", Tier::Near, false)
    );
    assert!(
        entry.fresh_for.is_some_and(|left| left > Duration::from_secs(500)),
        "{:?}",
        entry.fresh_for
    );
    assert_eq!((named::remove(8).await.unwrap(), named::remove(8).await.unwrap()), (true, false));
    assert!(named::with_meta(8).await.unwrap().is_none());
}

#[tokio::test]
async fn that_there_is_none_has_its_meta_too() {
    let _fixture = hold();
    #[cached(cache = cache(), none = "1m")]
    fn absent(_id: u64) -> Result<Option<User>, Down> {
        Ok(None)
    }
    #[cached(cache = cache(), grace = "1h")]
    fn aged(id: u64) -> Fallible<User> {
        Ok(user(id))
    }
    absent(7).unwrap();
    assert_eq!(absent::with_meta(7).unwrap().unwrap().value, None);
    aged(7).unwrap();
    aged::invalidate(7).unwrap();
    let entry = aged::with_meta(7).unwrap().unwrap();
    assert_eq!((entry.value, entry.stale), (Some(Ok(user(7))), true));
    assert!(aged::remove(7).unwrap());
    assert!(aged::with_meta(7).unwrap().is_none());
}

#[cached(cache = cache())]
async fn by_module(_id: u64) -> u64 {
    1
}

#[tokio::test]
async fn keys_stand_in_the_server_as_documented() {
    let fixture = hold();
    #[cached(cache = cache(), name = "price")]
    async fn price(_shop: &str, _article: (u32, char), _tag: Option<&str>) -> u64 {
        1999
    }
    #[cached(cache = cache(), name = "versioned", version = 3)]
    async fn versioned(_id: u64) -> u64 {
        1
    }
    let fingerprint = Fingerprint::of::<u64>();
    price("a:b", (7, 'x'), None).await;
    let key = price::key("a:b", (7, 'x'), None).to_string();
    assert_eq!(key, format!("macros:price.{fingerprint}:a%3Ab:(7,x):~"));
    let item = fixture.server.item(&key).await.unwrap().unwrap();
    assert_eq!(item.data, b"1999");
    let key = by_module::key(7).to_string();
    let module = module_path!().replace("::", ".");
    assert_eq!(key, format!("macros:{module}.by_module.{fingerprint}:7"));
    assert_eq!(versioned::key(7).to_string(), format!("macros:versioned.v3.{fingerprint}:7"));
}

#[tokio::test]
async fn what_one_process_loaded_another_finds() {
    let _fixture = hold();
    static RUNS: Runs = Runs::new();
    static HERE: LazyLock<Cache> = LazyLock::new(|| tiered(&hold().server, "processes"));
    static THERE: LazyLock<Cache> = LazyLock::new(|| tiered(&hold().server, "processes"));
    #[cached(cache = HERE, name = "shared")]
    async fn here(id: u64) -> User {
        RUNS.note();
        user(id)
    }
    #[cached(cache = THERE, name = "shared")]
    async fn there(id: u64) -> User {
        RUNS.note();
        user(id)
    }
    assert_eq!(here(7).await, user(7));
    assert_eq!(there(7).await, user(7));
    assert_eq!(RUNS.count(), 1);
    assert_eq!((THERE.stats().far_hits, THERE.stats().loads), (1, 0));
}

#[tokio::test]
async fn functions_with_borrowed_arguments_can_be_spawned() {
    let _fixture = hold();
    #[cached(cache = cache())]
    async fn shout(text: &str) -> String {
        tokio::task::yield_now().await;
        text.to_uppercase()
    }
    let task = tokio::spawn(async {
        let text = String::from("quiet");
        shout(&text).await
    });
    assert_eq!(task.await.unwrap(), "QUIET");
}

#[tokio::test(flavor = "current_thread")]
async fn a_blocking_function_ends_inside_a_single_threaded_runtime() {
    let _fixture = hold();
    static RUNS: Runs = Runs::new();
    #[cached(cache = cache())]
    fn inner(id: u64) -> User {
        RUNS.note();
        user(id)
    }
    #[cached(cache = cache())]
    fn outer(id: u64) -> User {
        RUNS.note();
        inner(id)
    }
    assert_eq!(outer(7), user(7));
    assert_eq!(outer(7), user(7));
    assert_eq!(inner(7), user(7));
    assert_eq!(RUNS.count(), 2);
}

#[test]
fn blocking_callers_share_one_run() {
    let _fixture = hold();
    static RUNS: Runs = Runs::new();
    #[cached(cache = cache())]
    fn slow(id: u64) -> User {
        RUNS.note();
        std::thread::sleep(Duration::from_millis(50));
        user(id)
    }
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| assert_eq!(slow(7), user(7)));
        }
    });
    assert_eq!(RUNS.count(), 1);
}

#[tokio::test]
async fn methods_share_nothing_that_they_do_not_say() {
    let _fixture = hold();
    struct Repository {
        tenant: u32,
        runs: AtomicUsize,
    }
    impl Repository {
        const fn new(tenant: u32) -> Self {
            Self { tenant, runs: AtomicUsize::new(0) }
        }

        #[cached(cache = cache(), key(self.tenant, id))]
        async fn user(&self, id: u64) -> User {
            self.runs.fetch_add(1, Ordering::SeqCst);
            User { id, name: format!("of tenant {}", self.tenant) }
        }

        #[cached(cache = cache(), skip(self))]
        fn constant(&self, id: u64) -> u64 {
            self.runs.fetch_add(1, Ordering::SeqCst);
            id
        }
    }
    let (one, two) = (Repository::new(1), Repository::new(2));
    for _ in 0..2 {
        assert_eq!(one.user(7).await.name, "of tenant 1");
        assert_eq!(two.user(7).await.name, "of tenant 2");
        assert_eq!(one.constant(7) + two.constant(7), 14);
    }
    assert_eq!((one.runs.into_inner(), two.runs.into_inner()), (2, 1));
}

#[tokio::test]
async fn derived_keys_tell_their_values_apart() {
    let _fixture = hold();
    #[derive(CacheKey, Clone, Copy)]
    enum Currency {
        Euro,
        Other(&'static str),
    }
    #[derive(CacheKey)]
    struct Pair {
        from: Currency,
        to: Currency,
        #[cache(skip)]
        #[expect(dead_code, reason = "not part of the key")]
        note: &'static str,
    }
    #[cached(cache = cache(), name = "rate")]
    async fn rate(_pair: Pair) -> u64 {
        1
    }
    let pair = |from, to, note| Pair { from, to, note };
    let key = |pair| rate::key(pair).to_string();
    let here = key(pair(Currency::Euro, Currency::Other("USD"), "a"));
    assert!(here.ends_with(":(Euro,Other(USD))"), "{here}");
    assert_eq!(here, key(pair(Currency::Euro, Currency::Other("USD"), "b")));
    assert_ne!(here, key(pair(Currency::Other("USD"), Currency::Euro, "a")));
    assert_ne!(here, key(pair(Currency::Other("Euro"), Currency::Other("USD"), "a")));
}

#[tokio::test]
async fn a_function_with_nothing_set_up_is_cached_in_process() {
    let _fixture = hold();
    static RUNS: Runs = Runs::new();
    #[cached]
    async fn plain(id: u64) -> io::Result<User> {
        RUNS.note();
        Ok(user(id))
    }
    assert_eq!(plain(7).await.unwrap(), user(7));
    assert_eq!(plain(7).await.unwrap(), user(7));
    assert_eq!(RUNS.count(), 1);
}
