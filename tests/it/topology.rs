//! Several servers: where keys live, and what one that is down costs.

use std::{collections::BTreeSet, net::ToSocketAddrs, time::Duration};

use memclient::{Client, Ttl, Value};
use memclient_tests::{Memcached, Scripted};

#[tokio::test]
async fn keys_live_where_rendezvous_hashing_puts_them() {
    let servers = start(3).await;
    let client = client(&servers);
    let keys: Vec<String> = (0..200).map(|number| format!("user:{number}")).collect();

    for key in &keys {
        assert!(client.set(key, "v", Ttl::Never).await.unwrap().is_stored());
    }

    let mut counts = [0; 3];
    for key in &keys {
        let home = place(&servers, key);
        counts[home] += 1;
        for (number, server) in servers.iter().enumerate() {
            let found = server.item(key).await.unwrap().is_some();
            assert_eq!(found, number == home, "{key} on server {number}");
        }
    }
    assert!(counts.iter().all(|&count| count > 20), "{counts:?}");
}

#[tokio::test]
async fn a_prefix_and_the_order_of_the_servers_do_not_move_a_key() {
    let servers = start(2).await;
    let addresses = servers.iter().rev().map(Memcached::address);
    let builder = Client::builder().servers(addresses).key_prefix("shop:");
    let client = builder.build().unwrap();

    for number in 0..50 {
        let key = format!("key:{number}");
        assert!(client.set(&key, "v", Ttl::Never).await.unwrap().is_stored());
        let home = &servers[place(&servers, &key)];
        assert!(home.item(&format!("shop:{key}")).await.unwrap().is_some());
    }
}

#[tokio::test]
async fn a_key_is_the_same_as_text_and_as_bytes() {
    let servers = start(3).await;
    let client = client(&servers);

    for number in 0..50 {
        let key = format!("key:{number}");
        assert!(client.set(&key, "v", Ttl::Never).await.unwrap().is_stored());
        assert!(client.get(key.as_bytes()).await.unwrap().is_some(), "{key}");
    }
}

#[tokio::test]
async fn every_address_of_a_name_is_tried_at_each_connect() {
    let families = ("localhost", 0).to_socket_addrs().unwrap();
    let has_both = families.map(|it| it.is_ipv6()).collect::<BTreeSet<_>>().len() == 2;
    let mut server = Memcached::start().await.unwrap();
    let port = server.port().unwrap();
    let client = Client::new(format!("localhost:{port}")).unwrap();
    assert!(client.set("k", "v", Ttl::Never).await.unwrap().is_stored());
    if !has_both || !Memcached::has_ipv6() {
        eprintln!("localhost has one address here, so no other is tried");
        return;
    }

    server.stop().unwrap();
    let _other = Memcached::builder().ipv6().on_port(port).start().await.unwrap();

    let found = async {
        while client.set("k", "v", Ttl::Never).await.is_err() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), found).await.expect("nobody is asked there");
}

#[tokio::test]
async fn batches_over_servers_keep_the_order_of_their_keys() {
    let servers = start(3).await;
    let client = client(&servers);
    let keys: Vec<String> = (0..3000).map(|number| format!("key:{number}")).collect();
    let entries = keys.iter().filter(|key| !key.ends_with('7'));

    let outcomes = client.set_many(entries.map(|key| (key, key.as_str())), Ttl::Never).await;
    let answers = client.get_many(&keys).await;

    assert_eq!(outcomes.len(), 2700);
    assert!(outcomes.into_iter().all(|it| it.unwrap().is_stored()));
    assert_eq!(answers.len(), 3000);
    for (key, answer) in keys.iter().zip(answers) {
        let expected = (!key.ends_with('7')).then(|| key.clone());
        assert_eq!(answer.unwrap().map(|it| text(&it)), expected);
    }
    for server in &servers {
        let items: usize = server.stat("curr_items").await.unwrap().unwrap().parse().unwrap();
        assert!(items > 300, "a server holds {items} of 2700 items");
    }
}

#[tokio::test]
async fn a_server_that_is_down_fails_its_own_keys_and_is_named() {
    let mut servers = start(3).await;
    let client = client(&servers);
    let keys: Vec<String> = (0..300).map(|number| format!("key:{number}")).collect();
    let entries = || keys.iter().map(|key| (key, key.as_str()));
    for outcome in client.set_many(entries(), Ttl::Never).await {
        assert!(outcome.unwrap().is_stored());
    }

    servers[1].stop().unwrap();

    let answers = client.get_many(&keys).await;
    let outcomes = client.set_many(entries(), Ttl::Never).await;
    let mut failed = 0;
    for ((key, answer), outcome) in keys.iter().zip(answers).zip(outcomes) {
        if place(&servers, key) == 1 {
            for error in [answer.unwrap_err(), outcome.unwrap_err()] {
                assert_eq!(error.node(), Some(servers[1].address().as_str()));
                assert!(error.to_string().contains(&servers[1].address()), "{error}");
            }
            failed += 1;
        } else {
            assert_eq!(answer.unwrap().map(|it| text(&it)).as_ref(), Some(key));
            assert!(outcome.unwrap().is_stored());
        }
    }
    assert!(failed > 30, "only {failed} keys lived on the server");
    for key in &keys[..20] {
        let alone = client.get(key).await;
        assert_eq!(alone.is_err(), place(&servers, key) == 1);
    }
}

#[tokio::test]
async fn a_server_that_is_silent_fails_its_own_keys_of_a_large_batch() {
    let servers = start(2).await;
    let silent = Scripted::answering(|request| match &request.text()[..] {
        "version" => "VERSION 1.6.18\r\n",
        _ => "",
    })
    .unwrap();
    let nodes = [servers[0].address(), silent.address(), servers[1].address()];
    let builder = Client::builder().servers(&nodes).timeout(Duration::from_secs(1));
    let client = builder.build().unwrap();
    let keys: Vec<String> = (0..20_000).map(|number| format!("key:{number}")).collect();

    let outcomes = client.set_many(keys.iter().map(|key| (key, key.as_str())), Ttl::Never).await;
    let answers = client.get_many(&keys).await;

    let is_silent = |error: &memclient::Error| error.node() == Some(&*silent.address());
    let mut failed = 0;
    for ((key, answer), outcome) in keys.iter().zip(answers).zip(outcomes) {
        match (answer, outcome) {
            (Err(read), Err(written)) => {
                assert!(read.is_timeout() && is_silent(&read), "{key}: {read}");
                // The first whose time is up takes the connection along, and with it what was written.
                let ended = written.is_timeout() || written.is_closed();
                assert!(ended && is_silent(&written), "{key}: {written}");
                failed += 1;
            }
            (answer, outcome) => {
                assert_eq!(answer.unwrap().map(|it| text(&it)).as_ref(), Some(key));
                assert!(outcome.unwrap().is_stored());
            }
        }
    }
    assert!((6000..7500).contains(&failed), "{failed} keys lived on the silent server");
    let asked = String::from_utf8(silent.received()).unwrap();
    let asked = asked.matches("key:").count();
    // Each batch may ask once again, on another connection.
    assert!(asked <= 2 * 2 * 4 * 256, "more was sent there than what was under way: {asked}");
}

#[tokio::test]
async fn the_versions_tell_each_server_by_itself() {
    let mut servers = start(2).await;
    let client = client(&servers);
    servers[0].stop().unwrap();

    let versions = client.versions().await;

    let [(first, down), (second, up)] = &versions[..] else {
        panic!("not two servers: {versions:?}")
    };
    assert_eq!([first, second], [&servers[0].address(), &servers[1].address()]);
    let down = down.as_ref().unwrap_err();
    assert!(down.is_connect());
    assert_eq!(down.node(), Some(first.as_str()));
    assert!(up.as_ref().unwrap().starts_with("1."));
}

async fn start(count: usize) -> Vec<Memcached> {
    let mut servers = Vec::new();
    for _ in 0..count {
        servers.push(Memcached::start().await.unwrap());
    }
    servers
}

fn client(servers: &[Memcached]) -> Client {
    let builder = Client::builder().servers(servers.iter().map(Memcached::address));
    builder.build().unwrap()
}

fn text(value: &Value) -> String {
    value.decode().unwrap()
}

/// Returns the place of the server that pymemcache's rendezvous hashing names: the highest hash of
/// `server-key`, of equal ones the greatest server.
fn place(servers: &[Memcached], key: &str) -> usize {
    let score = |server: &Memcached| {
        let address = server.address();
        (murmur3(format!("{address}-{key}").as_bytes()), address)
    };
    let places = 0..servers.len();
    places.max_by_key(|&place| score(&servers[place])).expect("there are servers")
}

/// `MurmurHash3_x86_32` with seed 0, block by block as its description has it.
fn murmur3(bytes: &[u8]) -> u32 {
    let mix = |block: u32| {
        let block = block.wrapping_mul(0xcc9e_2d51).rotate_left(15);
        block.wrapping_mul(0x1b87_3593)
    };
    let (blocks, tail) = bytes.as_chunks::<4>();
    let mut hash = blocks.iter().fold(0u32, |hash, block| {
        let hash = (hash ^ mix(u32::from_le_bytes(*block))).rotate_left(13);
        hash.wrapping_mul(5).wrapping_add(0xe654_6b64)
    });
    let mut rest = [0; 4];
    rest[..tail.len()].copy_from_slice(tail);
    hash ^= mix(u32::from_le_bytes(rest));
    hash ^= u32::try_from(bytes.len()).expect("keys are short");
    hash = (hash ^ (hash >> 16)).wrapping_mul(0x85eb_ca6b);
    hash = (hash ^ (hash >> 13)).wrapping_mul(0xc2b2_ae35);
    hash ^ (hash >> 16)
}
