//! What a function returns is known by its type, however it is spelled.

use std::sync::atomic::{AtomicU32, Ordering};

use memclient::cached;

type Fallible<T> = Result<T, String>;
type Maybe<T> = Option<T>;
type Number = Result<u32, String>;

mod other {
    pub type Result<T> = std::result::Result<Option<T>, std::string::String>;
}

static RUNS: AtomicU32 = AtomicU32::new(0);

fn runs() -> u32 {
    RUNS.swap(0, Ordering::Relaxed)
}

#[cached]
fn generic_alias(id: u32) -> Fallible<u32> {
    RUNS.fetch_add(1, Ordering::Relaxed);
    if id == 0 { Err("zero".into()) } else { Ok(id) }
}

#[cached]
fn whole_alias(id: u32) -> Number {
    RUNS.fetch_add(1, Ordering::Relaxed);
    if id == 0 { Err("zero".into()) } else { Ok(id) }
}

#[cached]
fn alias_inside(id: u32) -> Result<Maybe<u32>, String> {
    RUNS.fetch_add(1, Ordering::Relaxed);
    if id == 0 { Err("zero".into()) } else { Ok(Some(id)) }
}

#[cached(none = "1m")]
fn misleading_name(id: u32) -> other::Result<u32> {
    RUNS.fetch_add(1, Ordering::Relaxed);
    match id {
        0 => Err("zero".into()),
        1 => Ok(None),
        _ => Ok(Some(id)),
    }
}

#[cached]
fn optional(id: u32) -> Maybe<u32> {
    RUNS.fetch_add(1, Ordering::Relaxed);
    Some(id)
}

fn main() {
    for _ in 0..2 {
        assert!(generic_alias(0).is_err());
        assert!(whole_alias(0).is_err());
        assert!(alias_inside(0).is_err());
        assert!(misleading_name(0).is_err());
    }
    assert_eq!(runs(), 8, "errors are not kept");
    for _ in 0..2 {
        assert_eq!(generic_alias(5), Ok(5));
        assert_eq!(whole_alias(5), Ok(5));
        assert_eq!(alias_inside(5), Ok(Some(5)));
        assert_eq!(misleading_name(5), Ok(Some(5)));
        assert_eq!(misleading_name(1), Ok(None));
        assert_eq!(optional(5), Some(5));
    }
    assert_eq!(runs(), 6, "everything else is");

    // An alias hides its parts from the companion, which then speaks of the whole.
    whole_alias::put(5, &Ok(6)).unwrap();
    assert_eq!(whole_alias::peek(5).unwrap(), Some(Ok(6)));
    assert_eq!(whole_alias(5), Ok(6));
    generic_alias::put(5, &Ok(6)).unwrap();
    assert_eq!(generic_alias::peek(5).unwrap(), Some(Ok(6)));
    alias_inside::put(5, &Some(6)).unwrap();
    assert_eq!(alias_inside::peek(5).unwrap(), Some(Some(6)));
    optional::put(5, &Some(6)).unwrap();
    assert_eq!(optional::peek(5).unwrap(), Some(Some(6)));
    misleading_name::put(5, &6).unwrap();
    assert_eq!(misleading_name::peek(5).unwrap(), Some(6));
    assert_eq!(runs(), 0);
}
