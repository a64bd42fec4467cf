//! Structs and enums of every form, as values of a cached function.

#![deny(warnings, clippy::pedantic)]

use std::marker::PhantomData;

use memclient::{CacheValue, cached};
use serde::{Deserialize, Serialize};

#[derive(CacheValue, Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cache(version = 2, codec = "json")]
#[serde(rename_all = "camelCase")]
struct User {
    full_name: String,
    #[serde(rename = "t", default)]
    r#type: Kind,
    #[cache(opaque)]
    foreign: Foreign,
    #[serde(skip)]
    local: Option<Foreign>,
    friends: Vec<User>,
}

#[derive(CacheValue, Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
enum Kind {
    #[default]
    Plain,
    #[serde(rename = "adm")]
    Admin(u32, String),
    Guest {
        until: u64,
    },
}

/// Has no schema.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
struct Foreign(u32);

#[derive(CacheValue, Clone, Debug, Deserialize, PartialEq, Serialize)]
struct Unit;

#[derive(CacheValue, Clone, Debug, Deserialize, PartialEq, Serialize)]
struct Page<T> {
    items: Vec<T>,
    next: Option<u64>,
}

#[derive(CacheValue, Clone, Debug, Deserialize, PartialEq, Serialize)]
struct Id<T>(u64, #[serde(skip)] PhantomData<T>);

#[derive(CacheValue, Clone, Debug, Deserialize, PartialEq, Serialize)]
enum Tree {
    Leaf(u32),
    Node(Vec<Tree>),
}

#[cached]
fn user(name: &str) -> User {
    User {
        full_name: name.to_owned(),
        r#type: Kind::Guest { until: 7 },
        foreign: Foreign(1),
        local: None,
        friends: Vec::new(),
    }
}

#[cached]
fn page(number: u64) -> Result<Page<Kind>, String> {
    Ok(Page {
        items: vec![Kind::Plain, Kind::Admin(1, "a".into())],
        next: Some(number + 1),
    })
}

#[cached]
fn others(number: u64) -> Option<Page<Tree>> {
    Some(Page {
        items: vec![Tree::Node(vec![Tree::Leaf(1)])],
        next: Some(number),
    })
}

#[cached]
fn unit() -> Unit {
    Unit
}

#[cached]
fn id() -> Id<u8> {
    Id(1, PhantomData)
}

fn main() {
    for _ in 0..2 {
        assert_eq!(user("ada").full_name, "ada");
        assert_eq!(page(1).unwrap().items.len(), 2);
        assert_eq!(others(1).unwrap().next, Some(1));
        assert_eq!(unit(), Unit);
        assert_eq!(id(), Id(1, PhantomData));
    }
}
