//! Borrowed arguments, named lifetimes and `impl Trait` in the signature.

use memclient::{CacheKey, cached};

struct Db<'a>(&'a str);

#[cached(skip(db))]
async fn named<'a, 'b: 'a>(db: &'a Db<'b>, name: &'a str, list: &[u32]) -> String
where
    'b: 'a,
{
    format!("{}{name}{}", db.0, list.len())
}

#[cached(skip(rows))]
fn shapes(id: impl CacheKey + Into<u64>, rows: impl IntoIterator<Item = u64>) -> u64 {
    rows.into_iter().sum::<u64>() + id.into()
}

#[cached(key(text.as_ref(), *number))]
async fn explicit(text: impl AsRef<str>, number: &u32) -> usize {
    text.as_ref().len() + *number as usize
}

#[cached]
fn fails(word: &str) -> Result<u32, &'static str> {
    word.parse().map_err(|_| "no number")
}

#[derive(Debug, PartialEq)]
struct Wrong<'a>(&'a str);

#[cached]
async fn borrows<'a>(other: &str, word: &'a str) -> Result<u32, Wrong<'a>> {
    word.parse().map_err(|_| Wrong(word)).map(|it: u32| it + other.len() as u32)
}

#[cached]
async fn elided(word: &str) -> Result<Option<u32>, Wrong<'_>> {
    word.parse().map_err(|_| Wrong(word)).map(Some)
}

fn is_send<T: Send>(value: T) -> T {
    value
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let owner = String::from("db");
    let db = Db(&owner);
    assert_eq!(is_send(named(&db, "x", &[1, 2])).await, "dbx2");
    assert_eq!(named::peek("x", &[1, 2]).await.unwrap().as_deref(), Some("dbx2"));
    assert_eq!(shapes(1_u32, [2, 3]), 6);
    assert_eq!(shapes::peek(1_u32).unwrap(), Some(6));
    assert_eq!(explicit("abc", &1).await, 4);
    assert_eq!(explicit::peek("abc", &1).await.unwrap(), Some(4));
    assert_eq!(fails("7"), Ok(7));
    assert_eq!(fails("x"), Err("no number"));
    let word = String::from("x");
    assert_eq!(borrows("", &word).await, Err(Wrong("x")));
    assert_eq!(is_send(elided(&word)).await, Err(Wrong("x")));
    assert_eq!(elided::refresh(&word).await, Err(Wrong("x")));
    assert_eq!(elided::peek(&word).await.unwrap(), None);
}
