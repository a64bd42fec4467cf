//! Who may talk to whom: TLS, certificates, credentials, and what of them anybody gets to see.

mod auth;
mod injection;
mod secrets;
mod stream;
mod tls;
mod tls_failures;
mod urls;

use std::{
    error::Error as _, future::Future, future::poll_fn, pin::pin, task::Poll, time::Duration,
};

use memclient::{Client, ClientBuilder, Delivery, Error, Tls, Ttl};
use memclient_tests::{Certificates, Memcached};
use tempfile::TempDir;

/// Longer than anything here takes; passing it is a hang.
const HANG: Duration = Duration::from_secs(30);

/// Calls until an error comes, and expects that nothing was sent.
async fn failed(builder: ClientBuilder) -> Error {
    let client = builder.build().unwrap();
    let error = within(client.set("k", "v", Ttl::Never)).await.unwrap_err();
    assert_eq!(error.delivery(), Delivery::NotSent, "{error:?}");
    error
}

async fn works(client: &Client) {
    let stored = within(client.set("k", "value", Ttl::Never)).await.unwrap();
    assert!(stored.is_stored());
    let value = within(client.get("k")).await.unwrap().unwrap();
    assert_eq!(value.decode::<String>().unwrap(), "value");
}

/// Waits until calls are answered again; the first may fail for a dial that met no server.
async fn is_back(client: &Client) {
    within(async {
        while let Err(error) = client.get("k").await {
            assert_eq!(error.delivery(), Delivery::NotSent, "{error:?}");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
}

/// Polls the future so many times at most.
async fn cut_short<F: Future>(future: F, polls: usize) {
    let mut future = pin!(future);
    let mut left = polls;
    poll_fn(|cx| {
        left -= 1;
        if future.as_mut().poll(cx).is_ready() || left == 0 {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
}

/// Returns everything that an error shows.
fn whole(error: &Error) -> String {
    let mut texts = vec![format!("{error}\n{error:?}")];
    let mut source = error.source();
    while let Some(cause) = source {
        texts.push(format!("{cause}\n{cause:?}"));
        source = cause.source();
    }
    texts.join("\n")
}

fn patient(server: &Memcached) -> ClientBuilder {
    patient_at(server, &server.address())
}

/// Returns a builder of patient clients that take what is at the address for the server.
fn patient_at(server: &Memcached, address: &str) -> ClientBuilder {
    server.client_builder_at(address).timeout(HANG).connect_timeout(HANG)
}

/// Returns a builder of clients that give up soon, for servers that are silent.
fn hasty(address: &str) -> ClientBuilder {
    let soon = Duration::from_millis(300);
    Client::builder().server(address).timeout(2 * soon).connect_timeout(soon)
}

fn root_of(server: &Memcached) -> Tls {
    Tls::new().root_file(server.certificates().unwrap().root())
}

fn certificates() -> (TempDir, Certificates) {
    let directory = tempfile::tempdir().unwrap();
    let made = Certificates::for_hosts(directory.path(), &["127.0.0.1", "localhost"]).unwrap();
    (directory, made)
}

/// Returns bytes that no compression and no lucky shift makes look right.
fn noise(size: usize) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(size as u64);
    (0..size).map(|_| random.u8(..)).collect()
}

async fn within<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(HANG, future).await.expect("it hangs")
}
