//! The blocking client: that it has what the other has, and that it may be called from anywhere.
//!
//! What each operation does is tested with the other client's, in [`crate::operations`].

mod anywhere;
mod failures;
mod signatures;
mod threads;

use memclient::blocking::Client;
use memclient_tests::Memcached;

/// Returns a server, and a client of it.
fn start() -> (Memcached, Client) {
    let server = Memcached::builder().start_blocking().unwrap();
    let client = server.client_builder().build_blocking().unwrap();
    (server, client)
}

/// Returns the text under a key.
fn text(client: &Client, key: &str) -> Option<String> {
    client.get(key).unwrap().map(|value| value.decode().unwrap())
}
