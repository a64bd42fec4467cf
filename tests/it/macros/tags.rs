//! Entries of cached functions with tags, and writers that end all of a tag.

use std::sync::atomic::{AtomicUsize, Ordering};

use memclient::{Cache, Client, cached, invalidates};
use memclient_tests::Memcached;

static LOADS: AtomicUsize = AtomicUsize::new(0);

struct User {
    org: u64,
    id: u64,
}

#[cached(ttl = "1h", tags("org:{org}", "all users"))]
async fn user(org: u64, id: u64) -> String {
    tokio::task::yield_now().await;
    LOADS.fetch_add(1, Ordering::SeqCst);
    format!("{org}/{id}")
}

#[cached(ttl = "1h", tags("org:{org}"))]
fn size(org: u64) -> u64 {
    org * 10
}

struct Shop {
    tenant: String,
}

impl Shop {
    #[cached(ttl = "1h", key(self.tenant, article), tags("tenant:{self.tenant}"), entry = price_entry)]
    async fn price(&self, article: u64) -> u64 {
        tokio::task::yield_now().await;
        article
    }
}

#[invalidates(tag("org:{user.org}"), tag(every()))]
async fn rename(user: User) -> Result<u64, String> {
    tokio::task::yield_now().await;
    if user.id == 0 { Err("nobody".into()) } else { Ok(user.id) }
}

#[invalidates(tag("org:{org}"))]
fn close(org: u64) {
    let _ = org;
}

fn every() -> String {
    "everything".into()
}

/// Two processes, as far as the server can tell, without memory of their own.
async fn two() -> (Memcached, [Cache; 2]) {
    let server = Memcached::start().await.unwrap();
    let caches = [(), ()].map(|()| {
        let client = Client::new(server.address()).unwrap();
        Cache::builder().backend(client).without_near().build().unwrap()
    });
    (server, caches)
}

#[tokio::test]
async fn a_writer_ends_all_entries_of_its_tags_in_all_processes() {
    let (_server, [here, there]) = two().await;
    here.scope(async {
        for id in 1..4 {
            assert_eq!(user(7, id).await, format!("7/{id}"));
            user(8, id).await;
        }
    })
    .await;
    let before = LOADS.load(Ordering::SeqCst);
    there
        .scope(async {
            assert_eq!(user(7, 2).await, "7/2");
            assert_eq!(LOADS.load(Ordering::SeqCst), before, "it is kept");
            assert_eq!(rename(User { org: 7, id: 0 }).await, Err("nobody".into()));
            assert_eq!(user::peek(7, 2).await.unwrap(), Some("7/2".into()), "nothing was written");
            assert_eq!(rename(User { org: 7, id: 2 }).await, Ok(2));
            assert_eq!(user::peek(7, 2).await.unwrap(), None);
        })
        .await;
    here.scope(async {
        for id in 1..4 {
            assert_eq!(user::peek(7, id).await.unwrap(), None);
            assert_eq!(user::peek(8, id).await.unwrap(), Some(format!("8/{id}")));
        }
        user::put(7, 1, &"kept".into()).await.unwrap();
        assert_eq!(user::peek(7, 1).await.unwrap(), Some("kept".into()));
        Cache::current().invalidate_tag("all users").await.unwrap();
        assert_eq!(user::peek(7, 1).await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn methods_have_tags_of_their_receiver() {
    let (_server, [here, _]) = two().await;
    here.scope(async {
        let (shop, other) = (Shop { tenant: "a".into() }, Shop { tenant: "b".into() });
        assert_eq!((shop.price(1).await, other.price(1).await), (1, 1));
        Cache::current().invalidate_tag("tenant:a").await.unwrap();
        assert_eq!(shop.price_entry(1).peek::<u64>().await.unwrap(), None);
        assert_eq!(other.price_entry(1).peek::<u64>().await.unwrap(), Some(1));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn synchronous_functions_have_tags_too() {
    let (_server, [here, _]) = two().await;
    here.scope(async {
        assert_eq!((size(3), size(4)), (30, 40));
        close(3);
        assert_eq!(size::peek(3).unwrap(), None);
        assert_eq!(size::peek(4).unwrap(), Some(40));
    })
    .await;
}
