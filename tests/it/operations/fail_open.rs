//! Reads that answer a miss where the server cannot be asked.

use std::sync::{Arc, Mutex};

use memclient::{Client, ClientBuilder, Event, Ttl};
use memclient_tests::{Memcached, Request, Scripted};

use super::At;

in_every_setup! {
    reads_that_fail_open_are_those_of_a_server_that_works
}

async fn reads_that_fail_open_are_those_of_a_server_that_works(at: &At) {
    let client = at.build(at.builder().fail_open_reads(true));
    at.put("k", "v").await;

    assert!(client.get("k").await.unwrap().is_some());
    assert!(client.gets("k").await.unwrap().is_some());
    assert!(client.gat("k", Ttl::Never).await.unwrap().is_some());
    assert!(client.get_many(&["k"]).await.remove(0).unwrap().is_some());
    assert!(client.get("none").await.unwrap().is_none());
}

#[tokio::test]
async fn reads_of_a_server_that_is_down_are_misses_and_told() {
    let mut server = Memcached::start().await.unwrap();
    let (builder, told) = heard(&server.address());
    let client = builder.build().unwrap();
    assert!(client.set("k", "v", Ttl::Never).await.unwrap().is_stored());
    server.stop().unwrap();

    all_miss(&client).await;

    assert_eq!(told.lock().unwrap().len(), 12);
    for outcome in [
        client.set("k", "v", Ttl::Never).await.map(drop),
        client.delete("k").await.map(drop),
        client.touch("k", Ttl::Never).await.map(drop),
        client.incr("k", 1).await.map(drop),
        client.version().await.map(drop),
    ] {
        assert!(outcome.is_err(), "a write never fails open");
    }
    server.restart().await.unwrap();
}

#[tokio::test]
async fn reads_of_a_server_that_talks_nonsense_are_misses_and_told() {
    let server = Scripted::answering(|request: &Request| match &request.words()[..] {
        [version] if version == "version" => "VERSION 1.6.18\r\n",
        _ => "NONSENSE\r\n",
    })
    .unwrap();
    let (builder, told) = heard(&server.address());

    all_miss(&builder.build().unwrap()).await;

    let told = told.lock().unwrap();
    assert_eq!(told.len(), 12);
    assert!(told.iter().any(|text| text.contains("NONSENSE")), "{told:?}");
}

#[tokio::test]
async fn mistakes_of_the_caller_stay_errors() {
    let server = Scripted::answering(|request: &Request| match &request.words()[..] {
        [version] if version == "version" => "VERSION 1.4.5\r\n",
        _ => "END\r\n",
    })
    .unwrap();
    let (builder, told) = heard(&server.address());
    let client = builder.build().unwrap();

    assert!(client.get("two words").await.is_err_and(|error| error.is_input()));
    assert!(client.gets("").await.is_err_and(|error| error.is_input()));
    assert!(client.get_many(&[""]).await.remove(0).is_err_and(|error| error.is_input()));
    assert!(client.gat("k", Ttl::secs(u64::MAX)).await.is_err_and(|error| error.is_input()));
    assert!(client.gat("k", Ttl::Never).await.is_err_and(|error| error.is_unsupported()));

    assert!(told.lock().unwrap().is_empty());
}

fn heard(address: &str) -> (ClientBuilder, Arc<Mutex<Vec<String>>>) {
    let told = Arc::new(Mutex::new(Vec::new()));
    let hear = Arc::clone(&told);
    let builder = Client::builder().server(address).fail_open_reads(true);
    let builder = builder.observer(move |event: &Event<'_>| {
        if let Event::ReadFailedOpen { error } = event {
            hear.lock().unwrap().push(error.to_string());
        }
    });
    (builder, told)
}

/// Reads in every way there is: twelve answers.
async fn all_miss(client: &Client) {
    let ttl = Ttl::Never;
    assert_eq!(client.get("k").await.unwrap(), None);
    assert_eq!(client.gets("k").await.unwrap(), None);
    assert_eq!(client.gat("k", ttl).await.unwrap(), None);
    assert_eq!(client.gats("k", ttl).await.unwrap(), None);
    for answer in client.get_many(&["a", "b"]).await {
        assert_eq!(answer.unwrap(), None);
    }
    for answer in client.gets_many(&["a", "b"]).await {
        assert_eq!(answer.unwrap(), None);
    }
    for answer in client.gat_many(&["a", "b"], ttl).await {
        assert_eq!(answer.unwrap(), None);
    }
    for answer in client.gats_many(&["a", "b"], ttl).await {
        assert_eq!(answer.unwrap(), None);
    }
}
