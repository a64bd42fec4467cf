//! Functions that are generic over types and constants.

use std::{
    fmt::Display,
    str::FromStr,
    sync::atomic::{AtomicU32, Ordering},
};

use memclient::{CacheKey, CacheValue, cached};
use serde::{Deserialize, Serialize};

static RUNS: AtomicU32 = AtomicU32::new(0);

fn runs() -> u32 {
    RUNS.swap(0, Ordering::Relaxed)
}

#[derive(CacheValue, Clone, Debug, Deserialize, PartialEq, Serialize)]
struct Meters(u32);

impl FromStr for Meters {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

/// Its type of value is its caller's.
#[cached]
async fn parsed<T>(text: &str) -> Result<T, T::Err>
where
    T: CacheValue + FromStr,
{
    RUNS.fetch_add(1, Ordering::Relaxed);
    text.parse()
}

#[cached(ttl = "1m")]
fn shown<T: CacheKey + Display, const WIDTH: usize>(value: T) -> String {
    RUNS.fetch_add(1, Ordering::Relaxed);
    format!("{value:>WIDTH$}")
}

trait Db {
    fn name(&self, id: u32) -> String;
}

struct First;
struct Second;

impl Db for First {
    fn name(&self, id: u32) -> String {
        RUNS.fetch_add(1, Ordering::Relaxed);
        format!("first {id}")
    }
}

impl Db for Second {
    fn name(&self, id: u32) -> String {
        RUNS.fetch_add(1, Ordering::Relaxed);
        format!("second {id}")
    }
}

/// What is skipped says nothing about the result, and neither does its type.
#[cached(skip(db))]
fn name<D: Db>(db: &D, id: u32) -> String {
    db.name(id)
}

/// This one has nothing else to say which it is.
#[cached]
fn size<T>() -> usize {
    RUNS.fetch_add(1, Ordering::Relaxed);
    std::mem::size_of::<T>()
}

struct Repository<T>(std::marker::PhantomData<T>);

impl<T: CacheValue + FromStr> Repository<T> {
    #[cached(skip(self))]
    fn get(&self, text: &str) -> Option<T> {
        RUNS.fetch_add(1, Ordering::Relaxed);
        text.parse().ok()
    }

    #[cached(skip(self))]
    fn both<U: CacheValue + FromStr>(&self, text: &str) -> Option<(T, U)>
    where
        (T, U): CacheValue,
    {
        RUNS.fetch_add(1, Ordering::Relaxed);
        Some((text.parse().ok()?, text.parse().ok()?))
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    for _ in 0..2 {
        assert_eq!(parsed::<u32>("7").await, Ok(7));
        assert_eq!(parsed::<Meters>("7").await, Ok(Meters(7)));
        assert_eq!(parsed::<String>("7").await, Ok("7".to_owned()));
        assert!(parsed::<bool>("7").await.is_err());
    }
    assert_eq!(runs(), 5, "an error is not kept");
    parsed::invalidate::<u32>("7").await.unwrap();
    assert_eq!(parsed::peek::<u32>("7").await.unwrap(), None);
    assert_eq!(parsed::peek("7").await.unwrap(), Some(Meters(7)));
    parsed::put("7", &8_u32).await.unwrap();
    assert_eq!(parsed("7").await, Ok(8_u32));
    assert_eq!(runs(), 0);

    assert_eq!(shown::<_, 3>(7_u8), "  7");
    assert_eq!(shown::<_, 4>(7_u8), "   7");
    assert_eq!(shown::<_, 3>(7_u16), "  7");
    assert_eq!(shown::peek::<_, 4>(7_u8).unwrap().as_deref(), Some("   7"));
    assert_eq!(runs(), 3);

    assert_eq!(name(&First, 1), "first 1");
    assert_eq!(name(&Second, 1), "first 1");
    name::invalidate(1).unwrap();
    assert_eq!(name(&Second, 1), "second 1");
    assert_eq!(runs(), 2);

    assert_eq!((size::<u8>(), size::<u64>(), size::<u8>()), (1, 8, 1));
    assert_eq!(runs(), 2);

    let (words, numbers) =
        (Repository::<String>(Default::default()), Repository::<u64>(Default::default()));
    for _ in 0..2 {
        assert_eq!(words.get("7").as_deref(), Some("7"));
        assert_eq!(numbers.get("7"), Some(7));
        assert_eq!(numbers.both::<u8>("7"), Some((7, 7)));
        assert_eq!(numbers.both::<String>("7"), Some((7, "7".to_owned())));
    }
    assert_eq!(runs(), 4);
}
