//! What goes over TLS once it is agreed on.

use std::time::Duration;

use bytes::Bytes;
use memclient::{Ttl, Value};
use memclient_tests::{Faults, Memcached, Mode, Proxy};
use tokio::task::JoinSet;

use super::{cut_short, noise, patient, patient_at, within, works};

#[tokio::test]
async fn a_call_dropped_during_the_handshake_costs_no_second_one() {
    let server = Memcached::builder().tls().start().await.unwrap();
    let proxy = Proxy::start(server.address(), Faults::none()).unwrap();

    for polls in 1..=12 {
        let before = proxy.accepts();
        let builder = patient_at(&server, &proxy.address()).max_pool_size(1);
        let client = builder.build().unwrap();

        cut_short(client.get("k"), polls).await;
        works(&client).await;

        assert_eq!(proxy.accepts() - before, 1, "dropped after {polls} polls");
    }
}

#[tokio::test]
async fn large_values_travel_whole_both_ways() {
    let server = Memcached::builder().tls().arg("-I").arg("16m").start().await.unwrap();
    let client = patient(&server).build().unwrap();

    for size in [0, 1, 16 * 1024, 16 * 1024 + 1, 1 << 20, 8 << 20] {
        let value = Value::new(noise(size), 7);
        let stored = within(client.set("k", value.clone(), Ttl::Never)).await.unwrap();
        assert!(stored.is_stored());
        assert!(within(client.get("k")).await.unwrap() == Some(value), "{size} bytes");
    }
}

#[tokio::test]
async fn what_is_asked_behind_a_value_of_any_size_is_answered() {
    let server = Memcached::builder().tls().arg("-I").arg("16m").start().await.unwrap();
    let client = patient(&server).max_pool_size(1).build().unwrap();

    for size in
        [10, 8_000, 16_000, 16_300, 16_350, 16_384, 16_400, 20_000, 33_000, 100_000, 1 << 20]
    {
        let entries = [("small", noise(10)), ("large", noise(size)), ("behind", noise(11))];
        let entries = entries.map(|(key, data)| (key, Value::new(data, 0)));
        for outcome in within(client.set_many(entries.clone(), Ttl::Never)).await {
            assert!(outcome.unwrap().is_stored(), "{size} bytes");
        }
        let answers = within(client.get_many(&["small", "large", "behind"])).await;
        for ((key, value), answer) in entries.into_iter().zip(answers) {
            assert!(answer.unwrap() == Some(value), "{key} of {size} bytes");
        }
    }
}

#[tokio::test]
async fn nothing_stays_behind_when_the_network_takes_less_than_there_is() {
    let server = Memcached::builder().tls().arg("-I").arg("16m").start().await.unwrap();
    let faults = Faults::none().buffers(16 * 1024).bandwidth(100_000_000);
    let proxy = Proxy::start(server.address(), faults).unwrap();
    let client = patient_at(&server, &proxy.address()).max_pool_size(1).build().unwrap();

    // What TLS holds back is small beside what the network takes at once: some of these sizes leave
    // a rest that only a flush brings on its way.
    let noise = Bytes::from(noise(6 << 20));
    for step in 0..12 {
        let value = Value::new(noise.slice(step * 48 * 1024..), 0);
        assert!(within(client.set("k", value, Ttl::Never)).await.unwrap().is_stored());
    }
}

#[tokio::test]
async fn a_large_batch_travels_whole_through_a_slow_and_narrow_network() {
    let server = Memcached::builder().tls().start().await.unwrap();
    let faults = Faults::none().split().buffers(16 * 1024);
    let proxy = Proxy::start(server.address(), faults).unwrap();
    let builder = patient_at(&server, &proxy.address()).max_pool_size(1);
    let client = builder.build().unwrap();
    let keys: Vec<String> = (0..60).map(|number| format!("key:{number}")).collect();
    let value = |key: &str| Value::new(noise(key.len() * 700), 0);

    let entries = keys.iter().map(|key| (key, value(key)));
    for outcome in within(client.set_many(entries, Ttl::Never)).await {
        assert!(outcome.unwrap().is_stored());
    }

    let answers = within(client.get_many(&keys)).await;
    for (key, answer) in keys.iter().zip(answers) {
        assert!(answer.unwrap() == Some(value(key)), "{key}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_tasks_share_connections_and_each_gets_its_own_values() {
    let server = Memcached::builder().tls().start().await.unwrap();
    let client = patient(&server).build().unwrap();

    let mut tasks = JoinSet::new();
    for task in 0..64 {
        let client = client.clone();
        tasks.spawn(async move {
            for round in 0..30 {
                let key = format!("key:{task}:{}", round % 3);
                let value = Value::new(noise((task * 31 + round * 977) % 40_000), 0);
                let stored = client.set(&key, value.clone(), Ttl::Never).await.unwrap();
                assert!(stored.is_stored());
                assert!(client.get(&key).await.unwrap() == Some(value), "{key}");
                assert_eq!(client.get(format!("none:{task}")).await.unwrap(), None);
            }
        });
    }
    within(tasks.join_all()).await;
}

#[tokio::test]
async fn a_server_that_restarted_between_calls_costs_no_call() {
    let mut server = Memcached::builder().tls().start().await.unwrap();
    let client = patient(&server).build().unwrap();

    for _ in 0..3 {
        works(&client).await;
        server.restart().await.unwrap();
    }
    works(&client).await;
}

#[tokio::test]
async fn a_connection_cut_in_the_middle_harms_nothing_but_its_own_calls() {
    let server = Memcached::builder().client_certificate().start().await.unwrap();
    let proxy = Proxy::start(server.address(), Faults::none()).unwrap();
    let client = patient_at(&server, &proxy.address()).build().unwrap();
    works(&client).await;

    proxy.set(Mode::Hold);
    let call = tokio::spawn({
        let client = client.clone();
        async move { client.incr("n", 1).await }
    });
    tokio::time::sleep(Duration::from_millis(50)).await;
    proxy.cut();
    proxy.set(Mode::Pass);

    let error = within(call).await.unwrap().unwrap_err();
    assert!(error.is_closed(), "{error:?}");
    works(&client).await;
}

#[tokio::test]
async fn a_unix_socket_among_servers_with_tls_goes_without() {
    let secure = Memcached::builder().tls().start().await.unwrap();
    let local = Memcached::unix().await.unwrap();
    let client = secure.client_builder().server(local.address()).build().unwrap();

    for number in 0..20 {
        let key = format!("key:{number}");
        assert!(within(client.set(&key, "v", Ttl::Never)).await.unwrap().is_stored());
    }

    for server in [secure, local] {
        assert_ne!(server.stat("curr_items").await.unwrap().as_deref(), Some("0"));
    }
}
