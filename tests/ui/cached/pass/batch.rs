//! Functions of many keys in every form, in a program that allows no warnings.

#![deny(warnings)]

use std::{collections::HashMap, future::Future, pin::Pin};

use memclient::{CacheValue, cached};

type Found<T> = Result<HashMap<u64, T>, String>;

#[cached(batch = ids)]
pub async fn generic<T: CacheValue + Default>(ids: &[u64]) -> HashMap<u64, T> {
    ids.iter().map(|id| (*id, T::default())).collect()
}

#[cached(batch = ids)]
pub async fn alias(_prefix: &str, ids: Vec<u64>) -> Found<String> {
    Ok(ids.iter().map(|id| (*id, id.to_string())).collect())
}

#[cached(batch = ids)]
pub async fn borrowed(ids: &[&'static str]) -> HashMap<&'static str, u64> {
    ids.iter().map(|id| (*id, 1)).collect()
}

#[cached(batch = ids, skip(by))]
pub fn opaque(by: impl Fn(u64) -> u64 + Clone, ids: &[u64]) -> HashMap<u64, u64> {
    ids.iter().map(|id| (*id, by(*id))).collect()
}

#[cached(batch = ids)]
pub fn boxed(ids: Vec<u64>) -> Pin<Box<dyn Future<Output = HashMap<u64, u64>> + Send>> {
    Box::pin(async move { ids.into_iter().map(|id| (id, id)).collect() })
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> memclient::Result<()> {
    let found: HashMap<u64, String> = generic(&[1]).await;
    assert_eq!(found[&1], "");
    let _: Option<String> = generic::peek::<String>(&1).await?;
    alias("x", vec![1]).await.unwrap();
    let one: Option<String> = alias::peek("x", &1).await?;
    assert_eq!(one.as_deref(), Some("1"));
    borrowed(&["a"]).await;
    borrowed::put(&"a", &7).await?;
    assert_eq!(borrowed(&["a"]).await["a"], 7);
    assert_eq!(opaque(|n| n * 2, &[2])[&2], 4);
    assert_eq!(tokio::spawn(boxed(vec![3])).await.unwrap()[&3], 3);
    Ok(())
}
