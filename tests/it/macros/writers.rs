//! Writers that remove or replace the entries of cached functions, over a real memcached.

use std::sync::atomic::{AtomicU64, Ordering};

use memclient::{cache_put, cached, invalidates};

use super::{Down, Fallible, Perhaps, User, cache, hold, user};

#[cached(cache = cache())]
async fn by_id(id: u64) -> Result<User, Down> {
    Ok(user(id))
}

#[cached(cache = cache())]
fn by_name(name: &str) -> Option<User> {
    Some(User { id: 0, name: name.to_owned() })
}

#[cached(cache = cache())]
async fn generic<T: memclient::CacheValue + Default>(_id: u64) -> T {
    T::default()
}

mod shop {
    use super::{cache, cached};

    #[cached(cache = cache())]
    pub(super) fn count() -> u64 {
        1
    }
}

/// Has an entry for everything that a writer may remove.
async fn fill(id: u64) {
    by_id(id).await.unwrap();
    by_name(&format!("user {id}"));
    generic::<u32>(id).await;
    shop::count();
}

/// Says which of them are there: by id, by name, generic.
async fn kept(id: u64) -> [bool; 3] {
    [
        by_id::peek(id).await.unwrap().is_some(),
        by_name::peek(&format!("user {id}")).unwrap().is_some(),
        generic::peek::<u32>(id).await.unwrap().is_some(),
    ]
}

#[invalidates(by_id(user.id), by_name(&user.name), generic::<u32>(user.id), shop::count())]
async fn save(user: User, fails: bool) -> Result<(), Down> {
    let moved = user;
    if fails {
        return Err(Down);
    }
    drop(moved);
    Ok(())
}

#[tokio::test]
async fn a_writer_that_succeeds_removes_what_it_names() {
    let _fixture = hold();
    fill(1).await;
    assert_eq!(save(user(1), true).await, Err(Down));
    assert_eq!(kept(1).await, [true; 3], "a failure removes nothing");
    assert_eq!(save(user(1), false).await, Ok(()));
    assert_eq!(kept(1).await, [false; 3]);
    assert_eq!(shop::count::peek().unwrap(), None);
}

#[tokio::test]
async fn a_writer_stays_a_function_that_can_be_spawned() {
    let _fixture = hold();
    fill(2).await;
    tokio::spawn(save(user(2), false)).await.unwrap().unwrap();
    assert_eq!(kept(2).await, [false; 3]);
}

#[tokio::test]
async fn when_says_after_which_results() {
    let _fixture = hold();
    #[invalidates(by_id(id), when = Ok)]
    async fn on_ok(id: u64, result: Fallible<Perhaps<u32>>) -> Fallible<Perhaps<u32>> {
        let _ = id;
        result
    }
    #[invalidates(by_id(id), when = Err)]
    fn on_err(id: u64, result: Fallible<()>) -> Fallible<()> {
        let _ = id;
        result
    }
    #[invalidates(by_id(id), when = always)]
    fn always(id: u64, result: Fallible<()>) -> Fallible<()> {
        let _ = id;
        result
    }
    #[invalidates(by_id(id))]
    async fn infallible(id: u64) {
        let _ = id;
    }
    async fn is_kept() -> bool {
        let kept = by_id::peek(3).await.unwrap().is_some();
        by_id(3).await.unwrap();
        kept
    }
    is_kept().await;
    _ = on_ok(3, Err(Down)).await;
    assert!(is_kept().await);
    _ = on_ok(3, Ok(None)).await;
    assert!(!is_kept().await);
    _ = on_err(3, Ok(()));
    assert!(is_kept().await);
    _ = on_err(3, Err(Down));
    assert!(!is_kept().await);
    _ = always(3, Ok(()));
    assert!(!is_kept().await);
    _ = always(3, Err(Down));
    assert!(!is_kept().await);
    infallible(3).await;
    assert!(!is_kept().await);
}

#[tokio::test]
async fn what_a_writer_returns_is_kept() {
    let _fixture = hold();
    #[cache_put(by_id(id), by_name(name))]
    async fn rename(id: u64, name: &str) -> Fallible<Perhaps<User>> {
        match name {
            "" => Err(Down),
            "gone" => Ok(None),
            _ => Ok(Some(User { id, name: name.to_owned() })),
        }
    }
    #[cache_put(by_id(id))]
    fn blocking(id: u64) -> User {
        User { id, name: "blocking".to_owned() }
    }
    let named = |name: &str| User { id: 4, name: name.to_owned() };
    assert_eq!(rename(4, "").await, Err(Down));
    assert_eq!(rename(4, "gone").await, Ok(None));
    assert_eq!(by_id::peek(4).await.unwrap(), None);
    assert_eq!(rename(4, "Ada").await, Ok(Some(named("Ada"))));
    assert_eq!(by_id(4).await, Ok(named("Ada")));
    assert_eq!(by_name("Ada"), Some(named("Ada")));
    blocking(4);
    assert_eq!(by_id(4).await, Ok(named("blocking")));
}

#[tokio::test]
async fn a_writer_may_name_the_value_to_keep() {
    let _fixture = hold();
    #[cache_put(by_id(user.id) = user, by_name(&user.name) = Some(user.clone()), shop::count() = 7)]
    async fn save(user: &User, fails: bool) -> Result<(), Down> {
        let _ = user;
        if fails { Err(Down) } else { Ok(()) }
    }
    let ada = User { id: 5, name: "Ada of 5".to_owned() };
    save(&ada, true).await.unwrap_err();
    assert_eq!(by_id::peek(5).await.unwrap(), None);
    save(&ada, false).await.unwrap();
    assert_eq!(by_id(5).await, Ok(ada.clone()));
    assert_eq!(by_name("Ada of 5"), Some(ada));
}

struct Shop {
    tenant: u64,
    writes: AtomicU64,
}

impl Shop {
    #[cached(cache = cache(), key(self.tenant, article), entry = price_entry)]
    async fn price(&self, article: u64) -> Result<u64, Down> {
        Ok(article + self.writes.load(Ordering::SeqCst))
    }

    #[cached(cache = cache(), entry = article_entry)]
    fn article(id: u64) -> String {
        id.to_string()
    }

    #[invalidates(self.price_entry(article), Self::article_entry(article))]
    async fn set(&mut self, article: u64, by: u64) -> Result<u64, Down> {
        *self.writes.get_mut() += by;
        Ok(by)
    }

    #[cache_put(self.price_entry(article))]
    async fn replace(&self, article: u64, price: u64) -> Result<u64, Down> {
        let _ = article;
        Ok(price)
    }
}

#[async_trait::async_trait]
trait Writes {
    async fn write(&self, article: u64) -> Result<u64, Down>;
}

#[async_trait::async_trait]
impl Writes for Shop {
    #[invalidates(self.price_entry(article))]
    async fn write(&self, article: u64) -> Result<u64, Down> {
        tokio::task::yield_now().await;
        Ok(article)
    }
}

#[tokio::test]
async fn the_entries_of_methods_can_be_reached() {
    let fixture = hold();
    let mut shop = Shop { tenant: 1, writes: AtomicU64::new(0) };
    let other = Shop { tenant: 2, writes: AtomicU64::new(0) };
    assert_eq!((shop.price(7).await, other.price(7).await), (Ok(7), Ok(7)));
    let key = shop.price_entry(7).key().to_string();
    assert!(fixture.server.item(&key).await.unwrap().is_some(), "{key}");
    assert_eq!(Shop::article(7), "7");
    assert_eq!(Shop::article_entry(7).peek_blocking().unwrap().as_deref(), Some("7"));
    assert_eq!(shop.set(7, 100).await, Ok(100));
    assert_eq!(Shop::article_entry(7).peek_blocking().unwrap(), None);
    assert_eq!(shop.price_entry(7).peek().await.unwrap(), None);
    assert_eq!(other.price_entry(7).peek().await.unwrap(), Some(7));
    assert_eq!(shop.price(7).await, Ok(107));
    shop.price_entry(7).put(&1).await.unwrap();
    assert_eq!(shop.price(7).await, Ok(1));
    shop.replace(7, 2).await.unwrap();
    assert_eq!(shop.price(7).await, Ok(2));
    tokio::spawn(async move {
        shop.write(7).await.unwrap();
        assert_eq!(shop.price_entry(7).peek().await.unwrap(), None);
    })
    .await
    .unwrap();
}
