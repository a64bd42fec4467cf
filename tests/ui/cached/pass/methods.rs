//! Methods of types, of traits, and of generic types.

use std::{
    marker::PhantomData,
    sync::atomic::{AtomicU32, Ordering},
};

use memclient::{CacheValue, cached};
use serde::{Deserialize, Serialize};

#[derive(Debug)]
struct Missing;

impl From<std::num::ParseIntError> for Missing {
    fn from(_: std::num::ParseIntError) -> Self {
        Self
    }
}

#[derive(CacheValue, Clone, Debug, Deserialize, PartialEq, Serialize)]
struct Price(u32);

struct Shop {
    tenant: String,
    runs: AtomicU32,
}

impl Shop {
    fn new(tenant: &str) -> Self {
        Self { tenant: tenant.to_owned(), runs: AtomicU32::new(0) }
    }

    fn runs(&self) -> u32 {
        self.runs.swap(0, Ordering::Relaxed)
    }

    /// The price of an article.
    #[cached(ttl = "1m", key(self.tenant, article))]
    async fn price(&self, article: &str) -> Result<Price, Missing> {
        self.runs.fetch_add(1, Ordering::Relaxed);
        if article.is_empty() {
            return Err(Missing);
        }
        let price = article.parse()?;
        tokio::task::yield_now().await;
        Ok(Price(price))
    }

    #[cached(skip(self))]
    pub fn doubled(&self, mut number: u32) -> u32 {
        self.runs.fetch_add(1, Ordering::Relaxed);
        number *= 2;
        number
    }

    #[cached(key(self.tenant.len()))]
    fn consumed(self) -> String {
        self.tenant
    }

    #[cached(skip(self), ttl = "1s")]
    fn counted(&mut self, by: u32) -> Vec<u32> {
        *self.runs.get_mut() += 1;
        vec![by]
    }

    #[cached]
    fn made(number: u32) -> u32 {
        Self::limit() + number
    }

    fn limit() -> u32 {
        10
    }
}

trait Names {
    async fn name(&self, id: u32) -> Option<String>;

    #[cached(skip(self))]
    fn provided(&self, id: u32) -> u32 {
        id + self.offset()
    }

    fn offset(&self) -> u32;
}

impl Names for Shop {
    #[cached(key(self.tenant, id), none = "1m")]
    async fn name(&self, id: u32) -> Option<String> {
        self.runs.fetch_add(1, Ordering::Relaxed);
        (id > 0).then(|| format!("{} {id}", self.tenant))
    }

    fn offset(&self) -> u32 {
        1
    }
}

struct Table<T>(PhantomData<T>);

impl<T: Default + Into<u64>> Table<T> {
    #[cached(skip(self))]
    fn size(&self, rows: u64) -> u64 {
        std::mem::size_of::<T>() as u64 * rows + T::default().into()
    }
}

impl<T> Names for Table<T> {
    #[cached(skip(self))]
    async fn name(&self, _id: u32) -> Option<String> {
        None
    }

    fn offset(&self) -> u32 {
        2
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let (north, south) = (Shop::new("north"), Shop::new("south"));
    for _ in 0..2 {
        assert_eq!(north.price("7").await.unwrap(), Price(7));
        assert!(north.price("seven").await.is_err());
        assert!(north.price("").await.is_err());
    }
    assert_eq!(north.runs(), 5);
    assert_eq!(south.price("7").await.unwrap(), Price(7));
    assert_eq!(south.runs(), 1, "another tenant has entries of its own");

    assert_eq!((north.doubled(4), south.doubled(4)), (8, 8));
    assert_eq!((north.runs(), south.runs()), (1, 0), "nobody is told apart");

    for _ in 0..2 {
        assert_eq!(north.name(1).await.as_deref(), Some("north 1"));
        assert_eq!(north.name(0).await, None);
    }
    assert_eq!(north.runs(), 2);

    let (bytes, words) = (Table::<u8>(PhantomData), Table::<u32>(PhantomData));
    assert_eq!((bytes.size(3), words.size(3)), (3, 12), "types do not share entries");
    assert_eq!((bytes.provided(3), north.provided(3)), (5, 4), "nor do implementors");
    assert_eq!(bytes.name(1).await, None);

    let mut south = south;
    assert_eq!((south.counted(3), south.counted(3)), (vec![3], vec![3]));
    assert_eq!(south.runs(), 1);
    assert_eq!(Shop::made(5), 15);
    assert_eq!(south.consumed(), "south");
}
