//! The laws of a backend, held against every implementation there is.

use memclient::{AnyBackend, Chaos, Client, Dialect, MokaBackend, Tiered, backend_laws};
use memclient_tests::Memcached;

backend_laws!(client_over_tcp, {
    let server = Memcached::start().await.unwrap();
    (client(&server), server)
});

backend_laws!(client_over_a_unix_socket_with_a_prefix, {
    let server = Memcached::unix().await.unwrap();
    let builder = Client::builder().server(server.address()).key_prefix("laws:");
    (builder.build().unwrap(), server)
});

backend_laws!(client_in_the_classic_dialect, {
    let server = Memcached::start().await.unwrap();
    let builder = Client::builder().server(server.address()).dialect(Dialect::Classic);
    (builder.build().unwrap(), server)
});

backend_laws!(moka, (MokaBackend::new(), ()));

backend_laws!(tiered, {
    let server = Memcached::start().await.unwrap();
    (Tiered::new(MokaBackend::new(), client(&server)), server)
});

backend_laws!(chaos_without_faults, (Chaos::new(MokaBackend::new()), ()));

backend_laws!(any_of_a_client, {
    let server = Memcached::start().await.unwrap();
    (AnyBackend::new(client(&server)), server)
});

backend_laws!(any_of_tiers, {
    let server = Memcached::start().await.unwrap();
    let tiers = Tiered::new(MokaBackend::new(), client(&server));
    (AnyBackend::new(tiers), server)
});

fn client(server: &Memcached) -> Client {
    Client::new(server.address()).unwrap()
}
