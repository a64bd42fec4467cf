//! The laws of a backend, held against every implementation there is.

use std::{sync::Arc, time::Duration};

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

backend_laws!(moka_with_a_small_front, {
    // Keys share its 64 slots.
    (MokaBackend::builder().max_bytes(512 << 10).build(), ())
});

backend_laws!(tiers_in_process, (Tiered::new(MokaBackend::new(), MokaBackend::new()), ()));

backend_laws!(tiers_over_the_classic_dialect, {
    let server = Memcached::start().await.unwrap();
    let builder = Client::builder().server(server.address()).dialect(Dialect::Classic);
    (Tiered::new(MokaBackend::new(), builder.build().unwrap()), server)
});

backend_laws!(tiers_over_tiers, {
    let far = Tiered::new(MokaBackend::new(), MokaBackend::new());
    (Tiered::new(MokaBackend::new(), far), ())
});

backend_laws!(tiers_with_nothing_near, {
    let tiers = Tiered::new(MokaBackend::new(), MokaBackend::new());
    (tiers.near_ttl(Duration::ZERO), ())
});

backend_laws!(chaos_without_faults, (Chaos::new(MokaBackend::new()), ()));

backend_laws!(chaos_without_faults_over_tiers, {
    (Chaos::new(Tiered::new(MokaBackend::new(), MokaBackend::new())), ())
});

backend_laws!(tiers_over_chaos_without_faults, {
    (Tiered::new(Chaos::new(MokaBackend::new()), Chaos::new(MokaBackend::new())), ())
});

backend_laws!(a_shared_one, (Arc::new(MokaBackend::new()), ()));

backend_laws!(any_of_moka, (AnyBackend::new(MokaBackend::new()), ()));

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
