//! Functions of many keys, over a real memcached.

use std::{collections::HashMap, sync::Mutex, time::Duration};

use memclient::{Policy, cached, invalidates};

use super::{Down, Runs, User, cache, hold, user};

/// Which keys a function was asked for, call by call.
struct Asked(Mutex<Vec<Vec<u64>>>);

impl Asked {
    const fn new() -> Self {
        Self(Mutex::new(Vec::new()))
    }

    fn note(&self, ids: &[u64]) {
        let mut ids = ids.to_vec();
        ids.sort_unstable();
        self.0.lock().unwrap().push(ids);
    }

    fn take(&self) -> Vec<Vec<u64>> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

fn users_of(ids: &[u64]) -> HashMap<u64, User> {
    ids.iter().map(|id| (*id, user(*id))).collect()
}

#[tokio::test]
async fn what_is_kept_is_not_asked_for_again() {
    let _fixture = hold();
    static ASKED: Asked = Asked::new();
    #[cached(cache = cache(), ttl = "10m", none = "1m", batch = ids, skip(db))]
    async fn users(db: &Runs, ids: &[u64]) -> Result<HashMap<u64, User>, Down> {
        db.note();
        ASKED.note(ids);
        let known: Vec<_> = ids.iter().copied().filter(|id| *id < 100).collect();
        Ok(users_of(&known))
    }
    let db = Runs::new();
    assert_eq!(users(&db, &[]).await, Ok(HashMap::new()));
    assert_eq!(users(&db, &[1, 2, 2, 100]).await, Ok(users_of(&[1, 2])));
    assert_eq!(users(&db, &[2, 3, 100]).await, Ok(users_of(&[2, 3])));
    assert_eq!(users(&db, &[1, 2, 3]).await, Ok(users_of(&[1, 2, 3])));
    assert_eq!(ASKED.take(), [vec![1, 2, 100], vec![3]]);
    assert_eq!(db.count(), 2);

    assert_eq!(users::peek(&1).await.unwrap(), Some(user(1)));
    assert_eq!(users::peek(&4).await.unwrap(), None);
    users::put(&4, &user(40)).await.unwrap();
    users::invalidate(&1).await.unwrap();
    assert!(users::remove(&2).await.unwrap());
    let found = users(&db, &[1, 2, 3, 4]).await.unwrap();
    assert_eq!((found.len(), &found[&4]), (4, &user(40)));
    assert_eq!(ASKED.take(), [[1, 2]]);
    let found = users::uncached(&db, &[4]).await.unwrap();
    assert_eq!(found, users_of(&[4]));
    users::call(Policy::new().ttl(Duration::from_secs(60)), &db, &[5]).await.unwrap();
    assert_eq!(users::with_meta(&5).await.unwrap().unwrap().value, Some(user(5)));
}

#[tokio::test]
async fn an_error_is_everybodys_and_is_not_kept() {
    let _fixture = hold();
    static ASKED: Asked = Asked::new();
    #[cached(cache = cache(), batch = ids)]
    async fn failing(ids: Vec<u64>, fails: bool) -> Result<HashMap<u64, u64>, Down> {
        ASKED.note(&ids);
        if fails { Err(Down) } else { Ok(ids.into_iter().map(|id| (id, id)).collect()) }
    }
    assert_eq!(failing(vec![1], false).await, Ok(HashMap::from([(1, 1)])));
    assert_eq!(failing(vec![1, 2], true).await, Err(Down));
    assert_eq!(failing(vec![1, 2], true).await, Err(Down));
    assert_eq!(ASKED.take(), [vec![1], vec![1, 2], vec![1, 2]], "`fails` is in the key");
}

mod shop {
    use super::*;

    pub(super) static ASKED: Asked = Asked::new();

    #[cached(cache = cache(), ttl = "10m", skip(db), tags("shop:{shop}"))]
    pub(super) async fn article(db: &Runs, shop: &str, id: u64) -> Result<Option<User>, Down> {
        db.note();
        let _ = shop;
        Ok((id < 100).then(|| user(id)))
    }

    pub(super) type Found = Result<HashMap<u64, User>, Down>;
}

#[tokio::test]
async fn a_batch_shares_the_entries_of_a_function_of_one_key() {
    let _fixture = hold();
    #[cached(batch = ids, share = shop::article, skip(db))]
    async fn articles(db: &Runs, shop: String, ids: &[u64]) -> shop::Found {
        db.note();
        let _ = shop;
        shop::ASKED.note(ids);
        Ok(users_of(ids))
    }
    #[cached(batch = all, share = shop::article("south", all.parse().unwrap()))]
    async fn southern(all: &[String]) -> HashMap<String, User> {
        all.iter().map(|id| (id.clone(), user(id.parse().unwrap()))).collect()
    }
    #[invalidates(shop::article(shop, *id))]
    async fn sell(shop: &str, id: &u64) {
        let _ = (shop, id);
    }
    let db = Runs::new();
    let north = || "north".to_owned();
    assert_eq!(shop::article(&db, "north", 1).await, Ok(Some(user(1))));
    assert_eq!(articles(&db, north(), &[1, 2]).await, Ok(users_of(&[1, 2])));
    assert_eq!(shop::ASKED.take(), [[2]]);
    assert_eq!(shop::article(&db, "north", 2).await, Ok(Some(user(2))));
    assert_eq!(db.count(), 2);
    sell("north", &2).await;
    assert_eq!(articles(&db, north(), &[1, 2]).await, Ok(users_of(&[1, 2])));
    assert_eq!(shop::ASKED.take(), [[2]]);
    cache().invalidate_tag("shop:north").await.unwrap();
    assert_eq!(articles(&db, north(), &[1, 2]).await, Ok(users_of(&[1, 2])));
    assert_eq!(shop::ASKED.take(), [[1, 2]]);

    southern(&["7".to_owned()]).await;
    assert_eq!(shop::article::peek("south", 7).await.unwrap(), Some(Some(user(7))));
}

#[test]
fn a_synchronous_batch_and_methods() {
    let _fixture = hold();
    static ASKED: Asked = Asked::new();
    #[cached(cache = cache(), batch = ids, codec = "json")]
    fn plain(factor: u64, mut ids: Vec<u64>) -> HashMap<u64, u64> {
        ASKED.note(&ids);
        ids.retain(|id| *id > 0);
        ids.into_iter().map(|id| (id, id * factor)).collect()
    }
    struct Shop {
        tenant: String,
    }
    impl Shop {
        #[cached(cache = cache(), batch = ids, key(self.tenant, ids))]
        fn names(&self, ids: &[u64]) -> HashMap<u64, String> {
            ASKED.note(ids);
            if ids.is_empty() {
                return HashMap::new();
            }
            ids.iter().map(|id| (*id, format!("{} {id}", self.tenant))).collect()
        }
        #[cached(cache = cache(), batch = ids, skip(self, db))]
        async fn later<'a>(&self, db: &'a Runs, ids: &[u64]) -> Result<HashMap<u64, u64>, Down> {
            db.note();
            let found = users_of(ids);
            Ok(found.into_iter().map(|(id, user)| (id, user.id)).collect())
        }
    }
    assert_eq!(plain(2, vec![0, 1, 2]), HashMap::from([(1, 2), (2, 4)]));
    assert_eq!(plain(2, vec![1, 2]), HashMap::from([(1, 2), (2, 4)]));
    assert_eq!(plain(3, vec![1]), HashMap::from([(1, 3)]));
    assert_eq!(ASKED.take(), [vec![0, 1, 2], vec![1]]);
    assert_eq!(plain::peek(3, &1).unwrap(), Some(3));

    let (north, south) = (Shop { tenant: "north".into() }, Shop { tenant: "south".into() });
    for _ in 0..2 {
        assert_eq!(north.names(&[1])[&1], "north 1");
        assert_eq!(south.names(&[1])[&1], "south 1");
    }
    assert_eq!(ASKED.take(), [[1], [1]]);
    let db = Runs::new();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    for _ in 0..2 {
        let found = runtime.block_on(north.later(&db, &[1, 2]));
        assert_eq!(found, Ok(HashMap::from([(1, 1), (2, 2)])));
    }
    assert_eq!(db.count(), 1);
}

#[tokio::test]
async fn a_batch_can_be_spawned() {
    let _fixture = hold();
    #[cached(cache = cache(), batch = ids)]
    async fn squares(ids: Vec<u64>) -> HashMap<u64, u64> {
        ids.into_iter().map(|id| (id, id * id)).collect()
    }
    #[cached(cache = cache(), batch = ids)]
    async fn of_text(prefix: String, ids: Vec<String>) -> HashMap<String, String> {
        ids.iter().map(|id| (id.clone(), format!("{prefix}{id}"))).collect()
    }
    let squares = tokio::spawn(squares(vec![2, 3])).await.unwrap();
    assert_eq!(squares, HashMap::from([(2, 4), (3, 9)]));
    assert!(tokio::spawn(of_text("a".into(), Vec::new())).await.unwrap().is_empty());
}
