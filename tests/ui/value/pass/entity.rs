//! Entities of every form, in a program that allows no warnings.

#![deny(warnings, clippy::pedantic)]

use std::marker::PhantomData;

use memclient::{Cache, CacheEntity, CacheKey, CacheValue};
use serde::{Deserialize, Serialize};

#[derive(CacheValue, Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cache(version = 2, entity(key = r#type))]
struct Kind {
    r#type: String,
    weight: u32,
}

#[derive(CacheValue, Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cache(entity(key = (1, 0)))]
struct Pair(u32, Option<String>);

#[derive(CacheKey, CacheValue, Clone, Debug, Deserialize, PartialEq, Serialize)]
struct Id<T>(u64, #[cache(skip)] PhantomData<T>);

#[derive(CacheValue, Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cache(entity(key = (id)))]
struct Row<T, V>
where
    T: Clone,
{
    id: Id<T>,
    value: V,
}

mod renamed {
    pub mod deps {
        pub use memclient as mc;
    }

    #[derive(deps::mc::CacheValue, Clone, serde::Deserialize, serde::Serialize)]
    #[cache(crate = deps::mc, entity(key = id))]
    pub struct Elsewhere {
        pub id: u64,
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> memclient::Result<()> {
    let kind = Kind { r#type: "tea".into(), weight: 5 };
    assert_eq!(kind.entity_key(), "tea");
    assert_eq!(Pair(1, None).entity_key(), (&None, &1));
    assert_eq!(*renamed::Elsewhere { id: 3 }.entity_key(), 3);

    let cache = Cache::builder().build()?;
    let kinds = cache.typed::<Kind>("kind");
    kinds.put_entity(&kind).await?;
    assert_eq!(kinds.get("tea").await?, Some(kind));
    let rows = cache.typed::<Row<u8, String>>("row");
    let row = Row { id: Id(7, PhantomData), value: "seven".into() };
    rows.put_entity(&row).await?;
    assert_eq!(rows.get(&7).await?, Some(row.clone()));
    rows.invalidate_entity(&row).await?;
    assert_eq!(rows.get(&row.id).await?, None);
    Ok(())
}
