//! A cached async function and everything that stands beside it.

use std::sync::atomic::{AtomicU32, Ordering};

use memclient::{CacheValue, cached};
use serde::{Deserialize, Serialize};

#[derive(CacheValue, Clone, Debug, Deserialize, PartialEq, Serialize)]
struct User {
    id: u64,
    name: String,
}

#[derive(Debug)]
struct DbError;

struct Db {
    asked: AtomicU32,
}

/// Finds a user.
#[cached(ttl = "10m", none = "30s", skip(db))]
async fn user(db: &Db, id: u64) -> Result<Option<User>, DbError> {
    db.asked.fetch_add(1, Ordering::Relaxed);
    match id {
        0 => Err(DbError),
        1..100 => Ok(Some(User { id, name: format!("user {id}") })),
        _ => Ok(None),
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let db = Db { asked: AtomicU32::new(0) };
    let asked = || db.asked.swap(0, Ordering::Relaxed);

    let first = user(&db, 7).await.unwrap().unwrap();
    let second = user(&db, 7).await.unwrap().unwrap();
    assert_eq!((first, asked()), (second, 1));

    assert!(user(&db, 0).await.is_err());
    assert!(user(&db, 0).await.is_err());
    assert_eq!(asked(), 2, "an error is not kept");

    assert!(user(&db, 200).await.unwrap().is_none());
    assert!(user(&db, 200).await.unwrap().is_none());
    assert_eq!(asked(), 1, "that nothing was found is kept");

    user::uncached(&db, 7).await.unwrap();
    assert_eq!(asked(), 1);

    user::invalidate(7).await.unwrap();
    assert_eq!(user::peek(7).await.unwrap(), None::<Option<User>>);
    assert_eq!(asked(), 0);

    let ada = User { id: 7, name: "ada".to_owned() };
    user::put(7, &ada).await.unwrap();
    let peeked: Option<Option<User>> = user::peek(7).await.unwrap();
    assert_eq!(peeked, Some(Some(ada.clone())));
    assert_eq!(user(&db, 7).await.unwrap(), Some(ada));
    assert_eq!(asked(), 0);

    let fresh = user::refresh(&db, 7).await.unwrap().unwrap();
    assert_eq!((fresh.name.as_str(), asked()), ("user 7", 1));
    assert_eq!(user(&db, 7).await.unwrap().unwrap().name, "user 7");
    assert_eq!(asked(), 0);

    assert_ne!(user::key(7).to_string(), user::key(8).to_string());
}
