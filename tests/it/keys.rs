//! What `#[derive(CacheKey)]` writes, and the fingerprints of `#[derive(CacheValue)]`: the same in every
//! build and on every machine, for they name what is stored.

use std::{collections::BTreeMap, marker::PhantomData};

use memclient::{Cache, CacheKey, CacheValue, Fingerprint, KeyWriter};
use serde::{Deserialize, Serialize};

#[derive(CacheKey)]
struct Id(u64);

#[derive(CacheKey)]
#[cache(prefix = "org")]
struct OrgId(u64);

#[derive(CacheKey)]
#[cache(prefix = "unit")]
struct Unit;

#[derive(CacheKey)]
#[cache(prefix = "page")]
struct Page<'a> {
    path: &'a str,
    number: Option<u32>,
    #[cache(skip)]
    #[allow(dead_code, reason = "it is not written")]
    trace: u64,
}

#[derive(CacheKey)]
#[cache(prefix = "hidden")]
struct Hidden {
    #[cache(skip)]
    #[allow(dead_code, reason = "it is not written")]
    trace: u64,
}

#[derive(CacheKey)]
struct Of<T>(T, #[cache(skip)] PhantomData<T>);

#[derive(CacheKey)]
enum Sort {
    #[cache(rename = "new")]
    Newest,
    By {
        column: String,
        ascending: bool,
    },
    Then(Box<Sort>),
}

#[derive(CacheKey)]
#[cache(prefix = "v2")]
enum Mode {
    Fast,
    #[cache(rename = "slow-1.0")]
    Slow(u8),
}

fn written(key: impl CacheKey) -> String {
    let mut writer = KeyWriter::new(250);
    writer.raw("k");
    writer.part(&key);
    writer.finish().to_string()
}

/// In order of the lines of the file.
fn keys() -> Vec<String> {
    let page = |path, number, trace| Page { path, number, trace };
    let by = |column: &str, ascending| Sort::By { column: column.to_owned(), ascending };
    vec![
        written(Id(7)),
        written(OrgId(7)),
        written(Unit),
        written(page("/a,b", Some(2), 1)),
        written(page("", None, 1)),
        written(Hidden { trace: 1 }),
        written(Of(Id(7), PhantomData)),
        written(Of(OrgId(7), PhantomData)),
        written(Of((OrgId(7), vec![Sort::Newest]), PhantomData)),
        written(Sort::Newest),
        written(by("date", true)),
        written(by("new", false)),
        written(Sort::Then(Box::new(Sort::Then(Box::new(Sort::Newest))))),
        written(Mode::Fast),
        written(Mode::Slow(3)),
    ]
}

#[derive(CacheValue, Clone, Deserialize, Serialize)]
struct Plain {
    id: u64,
    name: Option<String>,
}

#[derive(CacheValue, Clone, Deserialize, Serialize)]
#[cache(version = 3, codec = "json", compress = "zlib")]
#[serde(rename_all = "camelCase")]
struct Dressed {
    #[serde(rename = "n", default)]
    full_name: String,
    #[serde(skip)]
    #[allow(dead_code, reason = "it is not written")]
    local: u8,
    #[serde(flatten)]
    rest: BTreeMap<String, u8>,
    #[cache(opaque)]
    foreign: Vec<Foreign>,
}

#[derive(Clone, Deserialize, Serialize)]
struct Foreign;

#[derive(CacheValue, Clone, Deserialize, Serialize)]
#[cache(opaque)]
struct Opaque {
    foreign: Foreign,
}

#[derive(CacheValue, Clone, Deserialize, Serialize)]
enum Tree<T> {
    Leaf(T),
    Node { children: Vec<Tree<T>> },
    Nothing,
}

#[derive(CacheValue, Clone, Deserialize, Serialize)]
#[serde(from = "Plain", into = "Plain")]
struct Through(Foreign);

impl From<Plain> for Through {
    fn from(_: Plain) -> Self {
        Self(Foreign)
    }
}

impl From<Through> for Plain {
    fn from(_: Through) -> Self {
        Self { id: 0, name: None }
    }
}

/// In order of the lines of the file.
fn fingerprints() -> Vec<String> {
    vec![
        Fingerprint::of::<Plain>().to_string(),
        Fingerprint::of::<Dressed>().to_string(),
        Fingerprint::of::<Opaque>().to_string(),
        Fingerprint::of::<Tree<u8>>().to_string(),
        Fingerprint::of::<Tree<Plain>>().to_string(),
        Fingerprint::of::<Tree<Tree<u8>>>().to_string(),
        Fingerprint::of::<Through>().to_string(),
        Fingerprint::of::<Vec<Option<Plain>>>().to_string(),
    ]
}

#[test]
fn derived_keys_and_fingerprints_stay_what_they_are() {
    let all = [keys(), fingerprints()].concat();
    let expected: Vec<_> = include_str!("cases/derived.txt").lines().collect();
    assert_eq!(all.join("\n"), expected.join("\n"));
}

#[test]
fn keys_of_two_types_meet_in_one_cache_only_without_a_prefix() {
    let cache = Cache::builder().namespace("test").build().unwrap();
    let names = cache.typed::<String>("name");
    assert_eq!(names.key(&Id(7)), names.key(&7_u64));
    assert_ne!(names.key(&OrgId(7)), names.key(&7_u64));
}

#[test]
fn a_key_that_is_too_long_keeps_its_head_and_its_difference() {
    let cache = Cache::builder().namespace("test").build().unwrap();
    let names = cache.typed::<String>("name");
    let path = "/a".repeat(200);
    let key = |number| names.key(&Page { path: &path, number: Some(number), trace: 0 });
    assert_eq!(key(1).as_bytes().len(), 250);
    assert!(key(1).to_string().starts_with("test:name."));
    assert_ne!(key(1), key(2));
    assert_eq!(key(1), key(1));
}
