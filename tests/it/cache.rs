//! What happens between a typed call and its loader, over a real memcached.

use std::{
    convert::Infallible,
    future::{self, pending},
    io,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use memclient::{Cache, CacheBuilder, CacheValue, Client, Event, Policy, TypedCache};
use memclient_tests::Memcached;
use serde::{Deserialize, Serialize};
use tokio::{sync::Barrier, task::JoinSet};

#[derive(CacheValue, Clone, Debug, Deserialize, PartialEq, Serialize)]
struct User {
    id: u64,
    name: String,
}

fn ada() -> User {
    User { id: 7, name: "Ada".into() }
}

fn tiered(server: &Memcached) -> CacheBuilder {
    Cache::builder().namespace("test").backend(Client::new(server.address()).unwrap())
}

async fn users() -> (Memcached, Cache, TypedCache<User>) {
    let server = Memcached::start().await.unwrap();
    let cache = tiered(&server).build().unwrap();
    let users = cache.typed("user");
    (server, cache, users)
}

#[tokio::test]
async fn what_one_process_keeps_another_reads() {
    let (server, _, users) = users().await;
    let other = tiered(&server).build().unwrap();
    users.put(&7, &ada()).await.unwrap();
    assert_eq!(other.typed::<User>("user").get(&7).await.unwrap(), Some(ada()));
    assert_eq!(other.stats().far_hits, 1);
    assert_eq!(other.typed::<User>("user").get(&7).await.unwrap(), Some(ada()));
    assert_eq!((other.stats().far_hits, other.stats().near_hits), (1, 1));
}

#[tokio::test]
async fn an_entry_stands_in_memcached_under_its_documented_key_and_flags() {
    let (server, cache, users) = users().await;
    users.put(&("a b", 7), &ada()).await.unwrap();
    let key = users.key(&("a b", 7)).to_string();
    let fingerprint = memclient::Fingerprint::of::<User>();
    assert_eq!(key, format!("test:user.{fingerprint}:(a%20b,7)"));
    let item = server.item(&key).await.unwrap().unwrap();
    assert_eq!(item.flags & (1 << 15), 1 << 15, "the typed layer says that it wrote this");
    assert_eq!(item.flags >> 8 & 0xf, 1, "bincode");
    cache.typed::<String>("text").put("k", &"text".to_owned()).await.unwrap();
    let key = cache.typed::<String>("text").key("k").to_string();
    let item = server.item(&key).await.unwrap().unwrap();
    assert_eq!(
        (&*item.data, item.flags & 0xff),
        (&b"text"[..], 16),
        "what pymemcache reads as text"
    );
}

#[tokio::test]
async fn one_loader_runs_for_many_callers() {
    let (_server, cache, users) = users().await;
    let loads = Arc::new(AtomicUsize::new(0));
    let mut callers = JoinSet::new();
    for _ in 0..500 {
        let (users, loads) = (users.clone(), Arc::clone(&loads));
        callers.spawn(async move {
            let load = || async {
                loads.fetch_add(1, Ordering::SeqCst);
                tokio::time::sleep(Duration::from_millis(50)).await;
                ada()
            };
            users.get_or_load(&7, load).await
        });
    }
    for user in callers.join_all().await {
        assert_eq!(user, ada());
    }
    assert_eq!(loads.load(Ordering::SeqCst), 1);
    assert_eq!(cache.stats().loads, 1);
}

#[tokio::test]
async fn an_error_is_returned_and_not_kept() {
    let (_server, cache, users) = users().await;
    let failed = users.get_or_load(&7, || async { Err::<User, _>("database down") }).await;
    assert_eq!(failed, Err("database down"));
    let loaded = users.get_or_load(&7, || async { Ok::<_, &str>(ada()) }).await;
    assert_eq!(loaded, Ok(ada()));
    assert_eq!((cache.stats().loads, cache.stats().uncached_loads), (2, 1));
}

/// Starts a load that hangs, and returns once it is under way.
async fn hanging_load(users: &TypedCache<User>) -> tokio::task::JoinHandle<User> {
    let begun = Arc::new(Barrier::new(2));
    let (users, hanging) = (users.clone(), Arc::clone(&begun));
    let leader = tokio::spawn(async move {
        let load = || async {
            hanging.wait().await;
            pending::<User>().await
        };
        users.get_or_load(&7, load).await
    });
    begun.wait().await;
    leader
}

#[tokio::test]
async fn a_leader_that_is_dropped_is_followed_by_one_who_waits() {
    let (_server, cache, users) = users().await;
    let leader = hanging_load(&users).await;
    let waiter = tokio::spawn({
        let users = users.clone();
        async move { users.get_or_load(&7, || future::ready(ada())).await }
    });
    tokio::task::yield_now().await;
    leader.abort();
    assert_eq!(waiter.await.unwrap(), ada());
    assert_eq!(users.get(&7).await.unwrap(), Some(ada()));
    assert_eq!(cache.stats().shared_loads, 0);
}

#[tokio::test]
async fn a_loader_that_panics_poisons_nothing() {
    let (_server, _, users) = users().await;
    let panicking = tokio::spawn({
        let users = users.clone();
        async move { users.get_or_load(&7, || async { panic!("on purpose") }).await }
    });
    let panicked: Result<User, _> = panicking.await;
    assert!(panicked.unwrap_err().is_panic());
    assert_eq!(users.get_or_load(&7, || future::ready(ada())).await, ada());
}

#[tokio::test]
async fn an_invalidation_during_a_load_is_not_undone_by_it() {
    let (server, cache, users) = users().await;
    let old = User { name: "old".into(), ..ada() };
    let loaded = users
        .get_or_load(&7, || async {
            users.invalidate(&7).await.unwrap();
            old.clone()
        })
        .await;
    assert_eq!(loaded, old, "its caller gets what was loaded");
    assert_eq!(users.get(&7).await.unwrap(), None);
    assert_eq!(server.item(&users.key(&7).to_string()).await.unwrap(), None);
    assert_eq!(cache.stats().stores, 0);
}

#[tokio::test]
async fn a_call_after_an_invalidation_does_not_join_a_load_from_before_it() {
    let (_server, _, users) = users().await;
    let leader = hanging_load(&users).await;
    users.invalidate(&7).await.unwrap();
    assert_eq!(users.get_or_load(&7, || future::ready(ada())).await, ada());
    leader.abort();
}

#[tokio::test]
async fn a_put_during_a_load_is_not_overwritten_by_it() {
    let (_server, _, users) = users().await;
    let old = User { name: "old".into(), ..ada() };
    users
        .get_or_load(&7, || async {
            users.put(&7, &ada()).await.unwrap();
            old.clone()
        })
        .await;
    assert_eq!(users.get(&7).await.unwrap(), Some(ada()));
}

#[tokio::test]
async fn none_is_kept_only_where_the_policy_says_how_long() {
    let (_server, cache, users) = users().await;
    let absent = || async { Ok::<_, Infallible>(None::<User>) };
    for _ in 0..2 {
        assert_eq!(users.get_or_load(&7, absent).await, Ok(None));
    }
    assert_eq!(cache.stats().loads, 2);
    let users = users.policy(Policy::new().none(Duration::from_secs(60)));
    for _ in 0..3 {
        assert_eq!(users.get_or_load(&7, absent).await, Ok(None));
    }
    assert_eq!((cache.stats().loads, cache.stats().absent_hits), (3, 2));
    assert_eq!(users.get(&7).await.unwrap(), None);
    let value = users.get_or_load(&7, || future::ready(ada())).await;
    assert_eq!(value, ada(), "a loader that cannot say `None` is not answered with one");
}

#[tokio::test]
async fn an_entry_lives_as_long_as_the_nearest_policy_says() {
    let (server, cache, users) = users().await;
    let client = Client::new(server.address()).unwrap();
    users.put(&1, &ada()).await.unwrap();
    users.clone().ttl(Duration::from_secs(60)).put(&2, &ada()).await.unwrap();
    let left = async |id| {
        let item = client.gets(users.key(&id)).await.unwrap().unwrap();
        match item.ttl_left {
            memclient::TtlLeft::Left(left) => left.as_secs(),
            other => panic!("{other:?}"),
        }
    };
    assert!((290..=300).contains(&left(1).await));
    assert!((50..=60).contains(&left(2).await));
    drop(cache);
}

#[tokio::test]
async fn a_server_that_is_down_costs_no_call_and_is_told_once() {
    let mut server = Memcached::start().await.unwrap();
    let told = Arc::new(Mutex::new(Vec::new()));
    let observer = {
        let told = Arc::clone(&told);
        move |event: &Event<'_>| {
            told.lock().unwrap().push(match event {
                Event::BackendDown { .. } => "down",
                Event::BackendUp => "up",
                _ => "other",
            });
        }
    };
    let cache = tiered(&server).observer(observer).build().unwrap();
    let users = cache.typed::<User>("user");
    server.stop().unwrap();
    for id in 0..20u64 {
        assert_eq!(users.get_or_load(&id, || future::ready(ada())).await, ada());
    }
    assert_eq!(cache.stats().loads, 20);
    assert!(cache.stats().backend_errors >= 20);
    assert_eq!(*told.lock().unwrap(), ["down"]);
    assert!(
        users.get(&99).await.unwrap_err().is_connect(),
        "a plain read says that it cannot know"
    );

    server.restart().await.unwrap();
    let mut id = 100u64;
    while *told.lock().unwrap() != ["down", "up"] {
        users.get_or_load(&id, || future::ready(ada())).await;
        id += 1;
        tokio::time::sleep(Duration::from_millis(5)).await;
        assert!(id < 5_000, "the server is never found again");
    }
}

#[tokio::test]
async fn an_entry_that_cannot_be_read_is_loaded_again() {
    let server = Memcached::start().await.unwrap();
    let told = Arc::new(Mutex::new(Vec::new()));
    let observer = {
        let told = Arc::clone(&told);
        move |event: &Event<'_>| {
            if let Event::Undecodable { key, .. } = event {
                told.lock().unwrap().push(key.to_string());
            }
        }
    };
    let cache = tiered(&server).observer(observer).build().unwrap();
    let users = cache.typed::<User>("user");
    let client = Client::new(server.address()).unwrap();
    for (id, flags) in [(1, 1 << 8), (2, 1), (3, 16), (4, 0xf00)] {
        let garbage = memclient::Value::new(&b"\xff\xff\xff"[..], flags);
        assert!(
            client.set(users.key(&id), garbage, Duration::from_secs(60)).await.unwrap().is_stored()
        );
        assert_eq!(users.get_or_load(&id, || future::ready(ada())).await, ada());
        assert_eq!(users.get(&id).await.unwrap(), Some(ada()));
    }
    assert_eq!(cache.stats().undecodable, 4);
    assert_eq!(told.lock().unwrap().len(), 4);
    assert_eq!(told.lock().unwrap()[0], users.key(&1).to_string());
}

#[tokio::test]
async fn a_value_that_the_server_refuses_is_returned_and_not_kept() {
    let (_server, cache, _) = users().await;
    let texts = cache.typed::<String>("text");
    let large = "x".repeat(2 << 20);
    assert_eq!(texts.get_or_load("k", || future::ready(large.clone())).await, large);
    assert_eq!(texts.get("k").await.unwrap(), None);
    assert!(texts.put("k", &large).await.unwrap_err().is_too_large());
    assert_eq!(texts.get_or_load("k", || future::ready("small".to_owned())).await, "small");
    assert_eq!(texts.get("k").await.unwrap().as_deref(), Some("small"));
}

#[tokio::test]
async fn another_shape_of_a_type_is_another_entry() {
    mod newer {
        use super::*;
        #[derive(CacheValue, Clone, Debug, Deserialize, PartialEq, Serialize)]
        pub(super) struct User {
            pub(super) id: u64,
            pub(super) name: String,
            pub(super) admin: bool,
        }
    }
    let (_server, cache, users) = users().await;
    users.put(&7, &ada()).await.unwrap();
    let newer = cache.typed::<newer::User>("user");
    assert_eq!(newer.get(&7).await.unwrap(), None);
    newer.put(&7, &newer::User { id: 7, name: "Ada".into(), admin: true }).await.unwrap();
    assert_eq!(users.get(&7).await.unwrap(), Some(ada()));
}

#[tokio::test]
async fn what_is_near_is_answered_without_the_server() {
    let (mut server, cache, users) = users().await;
    users.put(&7, &ada()).await.unwrap();
    server.stop().unwrap();
    assert_eq!(users.get(&7).await.unwrap(), Some(ada()));
    assert_eq!(users.get_or_load(&7, pending::<User>).await, ada());
    assert_eq!((cache.stats().near_hits, cache.stats().backend_errors), (2, 0));
}

#[tokio::test]
async fn the_near_tier_goes_on_while_the_server_is_down() {
    let (mut server, cache, users) = users().await;
    server.stop().unwrap();
    for _ in 0..3 {
        assert_eq!(users.get_or_load(&7, || future::ready(ada())).await, ada());
    }
    assert_eq!((cache.stats().loads, cache.stats().near_hits), (1, 2));
    users.invalidate(&7).await.unwrap_err();
    assert_eq!(cache.stats().invalidations, 1);
    users.get_or_load(&7, || future::ready(ada())).await;
    assert_eq!(cache.stats().loads, 2, "what was invalidated is not answered");
}

#[tokio::test]
async fn without_a_near_tier_every_answer_is_the_servers() {
    let server = Memcached::start().await.unwrap();
    let cache = tiered(&server).without_near().build().unwrap();
    let users = cache.typed::<User>("user");
    users.put(&7, &ada()).await.unwrap();
    for _ in 0..3 {
        assert_eq!(users.get(&7).await.unwrap(), Some(ada()));
    }
    assert_eq!((cache.stats().near_hits, cache.stats().far_hits), (0, 3));
}

#[tokio::test]
async fn another_process_sees_an_invalidation_when_its_near_time_has_passed() {
    let server = Memcached::start().await.unwrap();
    let cache = tiered(&server).build().unwrap();
    let other = tiered(&server).near_ttl(Duration::from_secs(1)).build().unwrap();
    let (users, others) = (cache.typed::<User>("user"), other.typed::<User>("user"));
    users.put(&7, &ada()).await.unwrap();
    assert_eq!(others.get(&7).await.unwrap(), Some(ada()));
    users.invalidate(&7).await.unwrap();
    assert_eq!(users.get(&7).await.unwrap(), None);
    let mut tries = 0;
    while others.get(&7).await.unwrap().is_some() {
        tokio::time::sleep(Duration::from_millis(50)).await;
        tries += 1;
        assert!(tries < 200, "the near copy outlives its time");
    }
}

#[tokio::test]
async fn long_keys_stay_within_what_the_prefix_leaves() {
    let server = Memcached::start().await.unwrap();
    let client =
        Client::builder().server(server.address()).key_prefix("p".repeat(100)).build().unwrap();
    let cache = Cache::builder().backend(client).without_near().build().unwrap();
    let users = cache.typed::<User>("user");
    let (long, other) = ("x".repeat(10_000), "x".repeat(10_001));
    users.put(&long, &ada()).await.unwrap();
    assert_eq!(users.get(&long).await.unwrap(), Some(ada()));
    assert_eq!(users.get(&other).await.unwrap(), None);
    assert!(users.key(&long).as_bytes().len() <= 150);
}

#[tokio::test]
async fn a_cache_without_a_tier_is_refused() {
    let error = Cache::builder().without_near().build().unwrap_err();
    assert!(error.is_input() && error.to_string().contains("no tier"));
    assert!(Cache::builder().namespace("n".repeat(65)).build().unwrap_err().is_input());
}

#[tokio::test]
async fn loaders_return_any_of_four_shapes() {
    let cache = Cache::builder().build().unwrap();
    let users = cache.typed::<User>("user");
    assert_eq!(users.get_or_load(&1, || future::ready(ada())).await, ada());
    assert_eq!(users.get_or_load(&1, || future::ready(Some(ada()))).await, Some(ada()));
    assert_eq!(
        users.get_or_load(&1, || future::ready(Ok::<_, Infallible>(ada()))).await,
        Ok(ada())
    );
    let shape = || future::ready(Ok::<_, Infallible>(Some(ada())));
    assert_eq!(users.get_or_load(&1, shape).await, Ok(Some(ada())));
    assert_eq!(cache.stats().loads, 1);
    let error: io::Result<User> =
        users.get_or_load(&2, || future::ready(Err(io::Error::other("no")))).await;
    assert!(error.is_err());
}
