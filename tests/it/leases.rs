//! Leases between clients of one server, and servers that lie about them.

use std::{future::Future, pin::pin, sync::Arc, task::Poll, time::Duration};

use memclient::{
    CacheBackend, Client, Deleted, Dialect, Key, MokaBackend, Tiered, Ttl, Value,
    backend::{Capabilities, Delete, Get, Lease, LeaseTerms, Read, Released, Set, Tier, Written},
};
use memclient_tests::{Memcached, Request, Scripted};
use tokio::task::JoinSet;

const TERMS: LeaseTerms = LeaseTerms::new(Duration::from_secs(100));
const STALE: Delete = Delete::stale_for(Duration::from_secs(100));

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_the_readers_of_two_processes_one_wins() {
    let server = Memcached::start().await.unwrap();
    let clients = [client(&server), client(&server)].map(Arc::new);
    for round in 0..20 {
        let key = Key::new(format!("k{round}")).unwrap();
        let mut tasks = JoinSet::new();
        for client in clients.iter().cycle().take(100) {
            let (client, key) = (Arc::clone(client), key.clone());
            tasks.spawn(async move { asks(&*client, &key).await });
        }
        let reads = tasks.join_all().await;
        assert_eq!(reads.iter().filter(|read| matches!(read, Read::Won(_))).count(), 1);
        assert_eq!(reads.iter().filter(|read| **read == Read::Held).count(), 99);
    }
}

#[tokio::test]
async fn what_one_process_invalidates_the_other_does_not_fill() {
    let server = Memcached::start().await.unwrap();
    let (one, other) = (client(&server), client(&server));
    let lease = asks(&one, &key()).await.won().unwrap();

    assert_eq!(
        CacheBackend::delete(&other, &key(), Delete::default()).await.unwrap(),
        Deleted::Deleted
    );

    assert_eq!(fill(&one, lease).await, Written::NotFound);
    let lease = asks(&one, &key()).await.won().unwrap();
    assert_eq!(CacheBackend::delete(&other, &key(), STALE).await.unwrap(), Deleted::Deleted);
    assert_eq!(fill(&one, lease).await, Written::Exists);
    let next = asks(&other, &key()).await.won().unwrap();
    assert_eq!(fill(&other, next).await, Written::Stored);
    assert!(matches!(asks(&one, &key()).await, Read::Hit(_)));
}

#[tokio::test]
async fn the_operations_of_a_client_see_no_stub_and_leave_stale_items_to_be_won() {
    let server = Memcached::start().await.unwrap();
    let client = client(&server);
    asks(&client, &key()).await.won().unwrap();
    sees(&client, None).await;

    let calls: [fn(&Client) -> Call<'_>; 8] = [
        |client| Box::pin(async { drop(client.get("k").await.unwrap().unwrap()) }),
        |client| Box::pin(async { drop(client.gets("k").await.unwrap().unwrap()) }),
        |client| Box::pin(async { drop(client.get_many(&["k"; 3]).await) }),
        |client| Box::pin(async { drop(client.gets_many(&["k"; 3]).await) }),
        |client| Box::pin(async { drop(client.gat("k", Ttl::secs(50)).await.unwrap().unwrap()) }),
        |client| Box::pin(async { drop(client.gats("k", Ttl::secs(50)).await.unwrap().unwrap()) }),
        |client| Box::pin(async { assert!(client.touch("k", Ttl::secs(50)).await.is_ok()) }),
        |client| Box::pin(async { drop(client.touch_many(&["k"; 3], Ttl::secs(50)).await) }),
    ];
    for call in calls {
        assert!(client.set("k", "v", Ttl::secs(100)).await.unwrap().is_stored());
        assert_eq!(CacheBackend::delete(&client, &key(), STALE).await.unwrap(), Deleted::Deleted);
        for _ in 0..2 {
            call(&client).await;
        }
        let lease = match asks(&client, &key()).await {
            Read::StaleWon(hit, lease) => {
                assert_eq!(hit.value, Value::of("v").unwrap());
                lease
            }
            read => panic!("{read:?}"),
        };
        call(&client).await;
        assert_eq!(fill(&client, lease).await, Written::Stored);
    }
}

#[tokio::test]
async fn a_stale_item_can_be_written_over_the_version_that_gets_tells() {
    let server = Memcached::start().await.unwrap();
    let client = client(&server);
    for many in [false, true] {
        assert!(client.set("k", "old", Ttl::secs(100)).await.unwrap().is_stored());
        assert_eq!(CacheBackend::delete(&client, &key(), STALE).await.unwrap(), Deleted::Deleted);
        let item = if many {
            client.gets_many(&["k"]).await.remove(0).unwrap().unwrap()
        } else {
            client.gets("k").await.unwrap().unwrap()
        };
        assert!(item.stale);
        assert_eq!(item.value, Value::of("old").unwrap());
        assert!(client.cas("k", "new", Ttl::secs(100), item.cas).await.unwrap().is_stored());
        assert!(!client.gets("k").await.unwrap().unwrap().stale);
    }
}

#[tokio::test]
async fn a_reader_who_leaves_takes_no_lease_with_it() {
    let server = Memcached::start().await.unwrap();
    let client = client(&server);
    assert!(client.set("stale", "v", Ttl::secs(100)).await.unwrap().is_stored());
    let stale = Key::new("stale").unwrap();
    for (key, how) in
        [(&key(), Get::lease(TERMS)), (&stale, Get::lease(TERMS)), (&stale, Get::default())]
    {
        let _ = CacheBackend::delete(&client, &stale, STALE).await.unwrap();
        for many in [false, true] {
            // On its way, and not answered: nothing was polled since.
            if many {
                let keys = [key.clone()];
                leave(client_get_many(&client, &keys, how)).await;
            } else {
                leave(CacheBackend::get(&client, key, how)).await;
            }
            let lease = soon(&client, key).await;
            assert_eq!(client.release(key, lease).await.unwrap(), Released::Released);
        }
    }
}

#[tokio::test]
async fn a_tier_keeps_what_is_filled_through_it_and_neither_stubs_nor_stale_items() {
    let server = Memcached::start().await.unwrap();
    let tiers = Tiered::new(MokaBackend::new(), client(&server));
    let near = || tiers.near().local(b"k");
    let lease = asks(&tiers, &key()).await.won().unwrap();
    assert_eq!(asks(&tiers, &key()).await, Read::Held);
    assert!(near().is_none() && tiers.near().is_empty());

    assert_eq!(fill(&tiers, lease).await, Written::Stored);

    let Read::Hit(hit) = asks(&tiers, &key()).await else { panic!() };
    assert_eq!((hit.tier, hit.value), (Tier::Near, Value::new("loaded", 16)));
    assert_eq!(tiers.delete(&key(), STALE).await.unwrap(), Deleted::Deleted);
    assert!(near().is_none());
    let Read::StaleWon(hit, lease) = asks(&tiers, &key()).await else { panic!() };
    assert_eq!(hit.tier, Tier::Far);
    for how in [Get::lease(TERMS), Get::default(), Get::shared()] {
        let reads = tiers.get_many(&[key()], how).await;
        assert!(matches!(reads[0], Ok(Read::Stale(_))), "{reads:?}");
        assert!(near().is_none());
    }
    assert_eq!(tiers.release(&key(), lease).await.unwrap(), Released::Released);
    assert_eq!(fill(&tiers, lease).await, Written::Exists);
    assert!(near().is_none());
}

#[tokio::test]
async fn what_another_process_marks_stale_a_shared_read_drops_from_the_near_tier() {
    let server = Memcached::start().await.unwrap();
    let tiers = Tiered::new(MokaBackend::new(), client(&server));
    assert!(tiers.set(&key(), Value::new("v", 16), Set::default()).await.unwrap().is_stored());
    let other = client(&server);
    assert_eq!(CacheBackend::delete(&other, &key(), STALE).await.unwrap(), Deleted::Deleted);

    let read = tiers.get(&key(), Get::shared().with_lease(TERMS)).await.unwrap();

    assert!(matches!(read, Read::StaleWon(..)), "{read:?}");
    assert_eq!(tiers.near().local(b"k"), None);
}

#[tokio::test]
async fn a_server_without_the_meta_dialect_is_read_as_if_nobody_had_asked() {
    let server = Scripted::answering(|request: &Request| match &request.words()[..] {
        [version] if version == "version" => "VERSION 1.4.15\r\n",
        [gets, k, ..] if gets == "gets" && k == "k" => "VALUE k 16 1 7\r\nv\r\nEND\r\n",
        [gets, ..] if gets == "gets" => "END\r\n",
        [delete, k] if delete == "delete" && k == "k" => "DELETED\r\n",
        _ => "ERROR\r\n",
    })
    .unwrap();
    let client = Client::new(server.address()).unwrap();
    assert!(client.capabilities().contains(Capabilities::LEASE | Capabilities::STALE));
    let other = Key::new("other").unwrap();

    assert!(matches!(asks(&client, &key()).await, Read::Hit(_)));
    assert_eq!(asks(&client, &other).await, Read::Miss);
    let reads = client_get_many(&client, &[key(), other.clone()], Get::lease(TERMS)).await;
    assert!(matches!(reads[..], [Ok(Read::Hit(_)), Ok(Read::Miss)]), "{reads:?}");
    assert_eq!(CacheBackend::delete(&client, &key(), STALE).await.unwrap(), Deleted::Deleted);
    let lease = Lease::of_stub(memclient::CasToken::new(7));
    assert_eq!(client.release(&key(), lease).await.unwrap(), Released::Lost);
    client.release_now(&key(), lease);
    assert!(matches!(asks(&client, &key()).await, Read::Hit(_)));
}

#[tokio::test]
async fn terms_that_no_server_can_keep_are_refused_before_anything_is_sent() {
    let client = Client::new("127.0.0.1:1").unwrap();
    let long = LeaseTerms::new(Duration::MAX);
    for terms in [long, TERMS.recache(Duration::MAX)] {
        let error = client_get_many(&client, &[key()], Get::lease(terms)).await.remove(0);
        assert!(error.unwrap_err().is_input());
        assert!(
            CacheBackend::get(&client, &key(), Get::lease(terms)).await.unwrap_err().is_input()
        );
    }
    let forever = Delete::stale_for(Duration::MAX);
    assert!(CacheBackend::delete(&client, &key(), forever).await.unwrap_err().is_input());
}

#[test]
fn a_client_of_the_classic_dialect_promises_no_leases() {
    let client = Client::builder().dialect(Dialect::Classic).build().unwrap();
    for capability in [Capabilities::LEASE, Capabilities::STALE, Capabilities::TTL_LEFT] {
        assert!(!client.capabilities().contains(capability));
    }
}

#[tokio::test]
async fn a_server_that_lies_about_leases_is_found_out_or_taken_at_its_word() {
    let protocol = "an error";
    let lies = [
        ("VA 1 f16 c7 t9 W Z\r\nv\r\n", protocol, protocol),
        ("VA 1 f16 c7 t9 X W Z\r\nv\r\n", protocol, protocol),
        ("VA 1 f16 c7 t9 W W\r\nv\r\n", protocol, protocol),
        ("EN W\r\n", protocol, protocol),
        ("EN X Z\r\n", protocol, protocol),
        ("HD X W\r\n", protocol, protocol),
        ("VA 1 f16 t9 W\r\nv\r\n", protocol, protocol),
        ("VA 0 f0 t9 Z\r\n\r\n", "Miss", "Miss"),
        ("VA 1 f16 c7 t9 W\r\nv\r\n", "Refresh", protocol),
        ("VA 0 f0 c7 t9 W\r\n\r\n", "Won", protocol),
        ("VA 1 f16 c7 t9 X\r\nv\r\n", "Stale", "Stale"),
        ("VA 0 f0 c7 t9 X\r\n\r\n", "Stale", "Stale"),
        ("VA 1 f16 c7 t9 Z\r\nv\r\n", "Hit", "Hit"),
        ("EN\r\n", "Miss", "Miss"),
    ];
    for (lie, leased, plain) in lies {
        for (how, expected) in [(Get::lease(TERMS), leased), (Get::default(), plain)] {
            for many in [false, true] {
                let server = Scripted::answering(move |request: &Request| {
                    let words = request.words();
                    match &words[0][..] {
                        "version" => "VERSION 1.6.18\r\n".to_owned(),
                        "mg" => lie.replacen("\r\n", &format!(" {}\r\n", words.last().unwrap()), 1),
                        _ => format!("HD {}\r\n", words.last().unwrap()),
                    }
                })
                .unwrap();
                let client = Client::new(server.address()).unwrap();
                let read = if many {
                    client_get_many(&client, &[key()], how).await.remove(0)
                } else {
                    CacheBackend::get(&client, &key(), how).await
                };
                let found = match read {
                    Ok(read) => format!("{read:?}").split('(').next().unwrap().to_owned(),
                    Err(error) if error.is_protocol() => protocol.to_owned(),
                    Err(error) => panic!("{lie:?}: {error:?}"),
                };
                assert_eq!(found, expected, "{lie:?} to {how:?}");
            }
        }
    }
}

type Call<'a> = std::pin::Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

fn key() -> Key {
    Key::new("k").unwrap()
}

fn client(server: &Memcached) -> Client {
    Client::new(server.address()).unwrap()
}

async fn asks<B: CacheBackend>(backend: &B, key: &Key) -> Read {
    backend.get(key, Get::lease(TERMS)).await.unwrap()
}

async fn fill<B: CacheBackend>(backend: &B, lease: Lease) -> Written {
    let how = Set::ttl(Ttl::secs(100)).if_cas(lease);
    backend.set(&key(), Value::new("loaded", 16), how).await.unwrap()
}

async fn client_get_many(client: &Client, keys: &[Key], how: Get) -> Vec<memclient::Result<Read>> {
    CacheBackend::get_many(client, keys, how).await
}

/// Holds what every way of reading says of the key against what it should.
async fn sees(client: &Client, expected: Option<&str>) {
    let expected = expected.map(|text| Value::of(text).unwrap());
    assert_eq!(client.get("k").await.unwrap(), expected);
    assert_eq!(client.gat("k", Ttl::secs(100)).await.unwrap(), expected);
    assert_eq!(client.gets("k").await.unwrap().map(|item| item.value), expected);
    assert_eq!(client.gats("k", Ttl::secs(100)).await.unwrap().map(|item| item.value), expected);
    // Of several callers and keys, in the classic words.
    for value in client.get_many(&["k"; 40]).await {
        assert_eq!(value.unwrap(), expected);
    }
    for item in client.gets_many(&["k"; 3]).await {
        assert_eq!(item.unwrap().map(|item| item.value), expected);
    }
}

/// Lets a call be sent, and drops it before its answer is read.
async fn leave(call: impl Future) {
    let mut call = pin!(call);
    std::future::poll_fn(|cx| {
        assert!(call.as_mut().poll(cx).is_pending(), "the answer is there at once");
        Poll::Ready(())
    })
    .await;
}

async fn soon(client: &Client, key: &Key) -> Lease {
    for _ in 0..200 {
        if let Some(lease) = asks(client, key).await.won() {
            return lease;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the lease of {key} is not to be had")
}
