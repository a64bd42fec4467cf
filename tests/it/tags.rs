//! Tags: one increment ends many entries, in all processes.

use std::{
    collections::HashMap,
    future::{pending, ready},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use memclient::{Cache, Client, Dialect, Lookup, Policy, TypedCache};
use memclient_tests::{Memcached, Script, Scripted};
use tokio::{sync::Notify, task::JoinSet};

const HANG: Duration = Duration::from_secs(30);

async fn within<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(HANG, future).await.expect("it hangs")
}

/// Returns a process of its own, as far as the server can tell.
fn process(server: &Memcached) -> Cache {
    let client = Client::new(server.address()).unwrap();
    Cache::builder().backend(client).without_near().build().unwrap()
}

fn tagged(cache: &Cache) -> TypedCache<u64> {
    cache.typed("square").tagged(["org:7", "all squares"])
}

fn powers(keys: Vec<u64>, power: u32) -> HashMap<u64, u64> {
    keys.into_iter().map(|key| (key, key.pow(power))).collect()
}

async fn gets(server: &Memcached) -> u64 {
    server.stat("cmd_get").await.unwrap().unwrap().parse().unwrap()
}

#[tokio::test]
async fn one_increment_ends_all_entries_of_a_tag_in_all_processes() {
    let server = Memcached::start().await.unwrap();
    let (here, there) = (process(&server), process(&server));
    for key in 0..10 {
        assert_eq!(tagged(&here).get_or_load(&key, || ready(key * key)).await, key * key);
        assert_eq!(tagged(&there).get(&key).await.unwrap(), Some(key * key));
    }
    let others = here.typed::<u64>("square").tagged(["org:8"]);
    others.put(&100, &1).await.unwrap();
    let incrs = server.stat("incr_hits").await.unwrap().unwrap();
    here.invalidate_tag("org:7").await.unwrap();
    let after: u64 = server.stat("incr_hits").await.unwrap().unwrap().parse().unwrap();
    assert_eq!(after, incrs.parse::<u64>().unwrap() + 1);
    for cache in [&here, &there] {
        for key in 0..10 {
            assert_eq!(tagged(cache).get(&key).await.unwrap(), None);
            assert_eq!(tagged(cache).lookup(&key).await.unwrap(), Lookup::Miss);
        }
        assert_eq!(others.get(&100).await.unwrap(), Some(1));
    }
    assert_eq!(tagged(&there).get_or_load(&3, || ready(33)).await, 33);
    assert_eq!(tagged(&here).get(&3).await.unwrap(), Some(33));
}

#[tokio::test]
async fn an_entry_and_its_tags_are_asked_for_in_one_round_trip() {
    let script = Script::new().greet();
    // No reply comes before all three requests are there.
    let script =
        script.expect_line().expect_line().expect_line().send("EN O2\r\nEN O3\r\nEN O4\r\n");
    let server = Scripted::start(script).unwrap();
    let client = Client::builder().server(server.address()).max_pool_size(1).build().unwrap();
    let cache = Cache::builder().backend(client).without_near().build().unwrap();
    assert_eq!(within(tagged(&cache).get(&1)).await.unwrap(), None);
    assert_eq!(cache.stats().backend_errors, 0);
    let asked = String::from_utf8(server.received()).unwrap();
    assert_eq!(asked.matches("mg ").count(), 3, "{asked}");
}

#[tokio::test]
async fn a_handle_that_knows_no_tags_sees_them_all_the_same() {
    let server = Memcached::start().await.unwrap();
    let cache = process(&server);
    let plain = cache.typed::<u64>("square");
    tagged(&cache).put(&3, &9).await.unwrap();
    let before = gets(&server).await;
    assert_eq!(plain.get(&3).await.unwrap(), Some(9));
    assert_eq!(gets(&server).await, before + 3);
    cache.invalidate_tag("all squares").await.unwrap();
    assert_eq!(plain.get(&3).await.unwrap(), None);
}

#[tokio::test]
async fn what_was_stored_without_the_tag_is_not_read_under_it() {
    let server = Memcached::start().await.unwrap();
    let cache = process(&server);
    cache.typed::<u64>("square").put(&3, &8).await.unwrap();
    assert_eq!(tagged(&cache).get(&3).await.unwrap(), None);
    assert_eq!(tagged(&cache).get_or_load(&3, || ready(9)).await, 9);
    assert_eq!(tagged(&cache).get(&3).await.unwrap(), Some(9));
}

#[tokio::test]
async fn a_load_that_began_before_the_tag_ended_is_no_answer_after_it() {
    let server = Memcached::start().await.unwrap();
    let (here, there) = (process(&server), process(&server));
    let (began, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let load = {
        let (handle, began, go) = (tagged(&here), Arc::clone(&began), Arc::clone(&go));
        tokio::spawn(async move {
            let load = || async {
                began.notify_one();
                go.notified().await;
                1
            };
            handle.get_or_load(&3, load).await
        })
    };
    within(began.notified()).await;
    there.invalidate_tag("org:7").await.unwrap();
    let late = {
        let handle = tagged(&here);
        tokio::spawn(async move { handle.get_or_load(&3, || ready(2)).await })
    };
    tokio::task::yield_now().await;
    go.notify_one();
    assert_eq!(within(load).await.unwrap(), 1);
    assert_eq!(within(late).await.unwrap(), 2);
    assert_eq!(tagged(&there).get(&3).await.unwrap(), Some(2));
}

#[tokio::test]
async fn a_counter_that_is_lost_ends_its_entries() {
    let server = Memcached::start().await.unwrap();
    let cache = process(&server);
    tagged(&cache).put(&3, &9).await.unwrap();
    let client = Client::new(server.address()).unwrap();
    assert!(client.delete("tag:org%3A7").await.unwrap().is_deleted());
    assert_eq!(tagged(&cache).get(&3).await.unwrap(), None);
    assert_eq!(tagged(&cache).get_or_load(&3, || ready(10)).await, 10);
    assert_eq!(tagged(&cache).get(&3).await.unwrap(), Some(10));
}

#[tokio::test]
async fn what_ended_by_its_tag_is_loaded_once_by_all_processes() {
    let server = Memcached::start().await.unwrap();
    let caches = [process(&server), process(&server)];
    tagged(&caches[0]).put(&3, &9).await.unwrap();
    caches[0].invalidate_tag("org:7").await.unwrap();
    let loads = Arc::new(AtomicUsize::new(0));
    let mut tasks = JoinSet::new();
    for cache in caches.iter().cycle().take(32) {
        let (handle, loads) = (tagged(cache), Arc::clone(&loads));
        tasks.spawn(async move {
            let load = || async {
                loads.fetch_add(1, Ordering::SeqCst);
                tokio::time::sleep(Duration::from_millis(50)).await;
                10
            };
            handle.get_or_load(&3, load).await
        });
    }
    assert!(within(tasks.join_all()).await.into_iter().all(|value| value == 10));
    assert_eq!(loads.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn with_a_grace_what_ended_by_its_tag_is_stale() {
    let server = Memcached::start().await.unwrap();
    let cache = process(&server);
    let policy = Policy::new().grace(Duration::from_secs(60));
    let handle = tagged(&cache).policy(policy);
    handle.put(&3, &9).await.unwrap();
    cache.invalidate_tag("org:7").await.unwrap();
    assert_eq!(handle.get(&3).await.unwrap(), None);
    assert_eq!(handle.lookup(&3).await.unwrap(), Lookup::Stale(9));
    let failed = handle.get_or_load(&3, || ready(Err::<u64, _>("down"))).await;
    assert_eq!(failed, Ok(9));
}

#[tokio::test]
async fn batches_have_tags_too() {
    let server = Memcached::start().await.unwrap();
    let cache = process(&server);
    let handle = tagged(&cache);
    let load = |power| move |keys: Vec<u64>| ready(powers(keys, power));
    let squares = powers((0..20).collect(), 2);
    assert_eq!(handle.get_or_load_many(0..20, load(2)).await, squares);
    let kept = handle.get_or_load_many(0..20, |_| pending::<HashMap<u64, u64>>());
    assert_eq!(within(kept).await, squares);
    cache.invalidate_tag("org:7").await.unwrap();
    assert!(handle.get_many(&[1, 2]).await.into_iter().all(|value| value.unwrap().is_none()));
    let cubes =
        |keys: Vec<u64>| ready(keys.into_iter().map(|key| (key, key * key * key)).collect());
    let found: HashMap<u64, u64> = within(handle.get_or_load_many(0..20, cubes)).await;
    assert_eq!(found[&3], 27);
    assert_eq!(cache.stats().loads, 2);
    assert_eq!(handle.get(&3).await.unwrap(), Some(27));
}

#[tokio::test]
async fn what_is_here_is_answered_here_until_its_tag_ends() {
    let server = Memcached::start().await.unwrap();
    let client = Client::new(server.address()).unwrap();
    let cache = Cache::builder().backend(client).build().unwrap();
    let handle = tagged(&cache);
    handle.put(&3, &9).await.unwrap();
    assert_eq!(handle.get(&3).await.unwrap(), Some(9));
    let before = gets(&server).await;
    assert_eq!(handle.get(&3).await.unwrap(), Some(9));
    assert_eq!(handle.get_or_load(&3, pending::<u64>).await, 9);
    assert_eq!(gets(&server).await, before);
    cache.invalidate_tag("org:7").await.unwrap();
    assert_eq!(handle.get(&3).await.unwrap(), None);
}

#[tokio::test]
async fn a_cache_in_memory_has_tags_too() {
    let cache = Cache::builder().build().unwrap();
    let handle = tagged(&cache);
    assert_eq!(handle.get_or_load(&3, || ready(9)).await, 9);
    assert_eq!(handle.get_or_load(&3, pending::<u64>).await, 9);
    cache.invalidate_tag("all squares").await.unwrap();
    assert_eq!(handle.get(&3).await.unwrap(), None);
}

#[tokio::test]
async fn tags_need_no_meta_commands() {
    let server = Memcached::start().await.unwrap();
    let client = Client::builder().server(server.address()).dialect(Dialect::Classic);
    let cache = Cache::builder().backend(client.build().unwrap()).without_near().build().unwrap();
    let handle = tagged(&cache);
    assert_eq!(handle.get_or_load(&3, || ready(9)).await, 9);
    assert_eq!(handle.get_or_load(&3, pending::<u64>).await, 9);
    cache.invalidate_tag("org:7").await.unwrap();
    assert_eq!(handle.get(&3).await.unwrap(), None);
    assert_eq!(handle.get_or_load(&3, || ready(10)).await, 10);
    assert_eq!(handle.get(&3).await.unwrap(), Some(10));
}

#[tokio::test]
async fn a_cache_is_cleared_by_one_increment_and_no_other_with_it() {
    let server = Memcached::start().await.unwrap();
    let cache = |namespace: &str| {
        let client = Client::new(server.address()).unwrap();
        let cache = Cache::builder().backend(client).namespace(namespace).clearable(true);
        cache.without_near().build().unwrap()
    };
    let (shop, blog) = (cache("shop"), cache("blog"));
    for cache in [&shop, &blog] {
        cache.typed::<u64>("square").put(&3, &9).await.unwrap();
        cache.typed::<String>("name").tagged(["org:7"]).put("a", &"Ada".into()).await.unwrap();
    }
    shop.clear().await.unwrap();
    assert_eq!(shop.typed::<u64>("square").get(&3).await.unwrap(), None);
    assert_eq!(shop.typed::<String>("name").tagged(["org:7"]).get("a").await.unwrap(), None);
    assert_eq!(blog.typed::<u64>("square").get(&3).await.unwrap(), Some(9));
    assert!(process(&server).clear().await.unwrap_err().to_string().contains("clearable"));
}

#[tokio::test]
async fn a_header_that_is_damaged_is_a_miss() {
    let server = Memcached::start().await.unwrap();
    let cache = process(&server);
    let handle = tagged(&cache);
    let client = Client::new(server.address()).unwrap();
    let many = [&b"\xff\xff"[..], &b"\x01t\0\0\0\0\0\0\0\x01".repeat(65_535)].concat();
    let short: [&[u8]; 4] =
        [b"", b"\xff\xff", b"\0\x01\x05tag:", b"\0\x01\x03a b\0\0\0\0\0\0\0\x01"];
    for bytes in short.into_iter().map(<[u8]>::to_vec).chain([many]) {
        let unreadable = cache.stats().undecodable;
        let damaged = memclient::Value::new(bytes, 0x0100_0010);
        let _ = client.set(handle.key(&3), damaged, Duration::from_secs(60)).await.unwrap();
        assert_eq!(handle.get(&3).await.unwrap(), None);
        assert_eq!(cache.typed::<u64>("square").get(&3).await.unwrap(), None);
        assert_eq!(cache.stats().undecodable, unreadable + 2);
        assert_eq!(handle.get_or_load(&3, || ready(9)).await, 9);
        assert_eq!(handle.get(&3).await.unwrap(), Some(9));
    }
}

#[tokio::test]
async fn more_tags_than_an_entry_can_have_are_told_and_counted() {
    let server = Memcached::start().await.unwrap();
    let cache = process(&server);
    let names: Vec<String> = (0..256).map(|tag| tag.to_string()).collect();
    let tagged = |count| {
        let names = names.iter().take(count).map(String::as_str);
        cache.typed::<u64>("square").tagged(names)
    };
    tagged(255).put(&3, &9).await.unwrap();
    assert_eq!(tagged(255).get(&3).await.unwrap(), Some(9));

    let error = tagged(256).put(&4, &16).await.unwrap_err();
    assert!(error.to_string().contains("255 tags"), "{error}");
    assert_eq!(tagged(256).get_or_load(&5, || ready(25)).await, 25);
    assert_eq!(cache.typed::<u64>("square").get(&5).await.unwrap(), None);
    assert_eq!(cache.stats().unencodable, 2);
}
