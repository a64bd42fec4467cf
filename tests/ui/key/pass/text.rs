//! What derived keys look like.

use std::marker::PhantomData;

use memclient::CacheKey;
use memclient_serde::KeyWriter;

#[derive(CacheKey)]
struct Id(u64);

#[derive(CacheKey)]
struct Typed<T>(u64, #[cache(skip)] PhantomData<T>);

#[derive(CacheKey)]
struct Named {
    id: Id,
    name: &'static str,
}

#[derive(CacheKey)]
struct Single {
    id: Id,
}

#[derive(CacheKey)]
struct Tuple(u32, bool);

#[derive(CacheKey)]
struct Unit;

#[derive(CacheKey)]
enum Sort {
    Newest,
    By(String),
    Range {
        from: u32,
        r#to: u32,
    },
    #[allow(non_camel_case_types)]
    r#type,
}

#[track_caller]
fn check(key: impl CacheKey, expected: &str) {
    let mut writer = KeyWriter::new(250);
    writer.raw("head");
    writer.part(&key);
    assert_eq!(writer.finish().as_str(), format!("head:{expected}"));
}

fn main() {
    check(Id(7), "7");
    check(Typed::<f32>(7, PhantomData), "7");
    check(
        Named {
            id: Id(7),
            name: "a,b",
        },
        "(7,a%2Cb)",
    );
    check(Single { id: Id(7) }, "(7)");
    check(Tuple(1, true), "(1,true)");
    check(Unit, "()");
    check(Sort::Newest, "Newest");
    check(Sort::By("date".to_owned()), "By(date)");
    check(Sort::Range { from: 1, to: 2 }, "Range(1,2)");
    check(Sort::r#type, "type");
}
