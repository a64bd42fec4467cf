//! Structs and enums of every form, as arguments of a cached function.

#![deny(warnings, clippy::pedantic)]

use std::marker::PhantomData;

use memclient::{CacheKey, cached};

#[derive(CacheKey, Clone, Copy)]
struct UserId(u64);

#[derive(CacheKey)]
struct Unit;

#[derive(CacheKey)]
struct Query<'a> {
    text: &'a str,
    r#type: Kind,
    #[cache(skip)]
    #[allow(dead_code)]
    trace: f32,
}

#[derive(CacheKey)]
enum Kind {
    All,
    One(UserId),
    Range {
        from: u32,
        key: u32,
    },
    Empty(),
    Hidden(
        #[cache(skip)]
        #[allow(dead_code)]
        f32,
    ),
}

#[derive(CacheKey)]
struct Typed<T>(u64, #[cache(skip)] PhantomData<T>);

#[derive(CacheKey)]
struct Pair<A, B: Clone = u32>
where
    A: Copy,
{
    left: A,
    right: Option2<B>,
}

#[derive(CacheKey)]
enum Option2<T> {
    Some(T),
    None,
}

#[derive(CacheKey)]
enum Never {}

trait Entity {
    type Id;
}

impl Entity for Unit {
    type Id = u32;
}

#[derive(CacheKey)]
struct Of<E: Entity>(E::Id);

#[derive(CacheKey)]
#[cache(crate = memclient)]
struct Bytes<const N: usize>(u8);

#[cached]
fn find(query: Query<'_>, id: UserId, unit: Unit) -> u32 {
    let _ = (query, unit);
    u32::try_from(id.0).unwrap_or_default()
}

#[cached(skip(never))]
fn generic(
    typed: &Typed<f64>,
    pair: &Pair<u32>,
    of: &Of<Unit>,
    bytes: &Bytes<2>,
    never: Option<&Never>,
) -> u32 {
    let _ = (typed, pair, of, bytes, never);
    1
}

fn query(kind: Kind, trace: f32) -> Query<'static> {
    Query {
        text: "a,b",
        r#type: kind,
        trace,
    }
}

fn main() {
    let kinds = || {
        [
            Kind::All,
            Kind::One(UserId(1)),
            Kind::One(UserId(2)),
            Kind::Range { from: 1, key: 2 },
            Kind::Range { from: 2, key: 1 },
            Kind::Empty(),
            Kind::Hidden(1.0),
        ]
    };
    let keys =
        |trace| kinds().map(|kind| find::key(query(kind, trace), UserId(1), Unit).to_string());
    assert_eq!(keys(1.0), keys(2.0), "what is skipped has no say");
    let mut distinct = keys(1.0).to_vec();
    distinct.sort();
    distinct.dedup();
    assert_eq!(distinct.len(), kinds().len());
    assert_eq!(find(query(Kind::All, 0.0), UserId(3), Unit), 3);

    let pair = |right| Pair { left: 1, right };
    let key = |pair| generic::key(&Typed(1, PhantomData), &pair, &Of(1), &Bytes(1)).to_string();
    assert_ne!(key(pair(Option2::None)), key(pair(Option2::Some(1))));
    assert_eq!(
        generic(
            &Typed(1, PhantomData),
            &pair(Option2::None),
            &Of(1),
            &Bytes(1),
            None
        ),
        1
    );
}
