//! Servers, options and credentials as one text.

use std::path::Path;

use memclient::Client;
use memclient_tests::Memcached;

use super::works;

#[tokio::test]
async fn a_url_opens_every_kind_of_door() {
    let plain = Memcached::start().await.unwrap();
    let socket = Memcached::builder().unix().auth("ann", "p@ss/word").start().await.unwrap();
    let locked = Memcached::builder().client_certificate().auth("ann", "secret");
    let locked = locked.start().await.unwrap();
    let own = locked.certificates().unwrap();
    let shown = |path: &Path| path.display().to_string();
    let ((chain, key), root) = (own.client(), own.root());

    for url in [
        format!("memcache://{}", plain.address()),
        format!("memcache://{}/shop:?timeout=10s&max_pool_size=1", plain.address()),
        format!("memcache://ann:p%40ss%2Fword@{}", socket.address().trim_start_matches("unix:")),
        format!(
            "memcaches://ann:secret@{}?tls_root_file={}&tls_certificate_file={}&tls_key_file={}",
            locked.address(),
            shown(&root),
            shown(&chain),
            shown(&key)
        ),
    ] {
        works(&Client::new(&url).unwrap_or_else(|error| panic!("{url}: {error}"))).await;
    }
    assert!(plain.item("shop:k").await.unwrap().is_some());
}

#[tokio::test]
async fn a_name_with_several_addresses_is_reached_at_each() {
    let ipv4 = Memcached::start().await.unwrap();
    let url = format!("memcache://localhost:{}", ipv4.port().unwrap());

    works(&Client::new(url).unwrap()).await;
}
