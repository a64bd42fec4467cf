//! Names of the user's do not meet those of the generated code.

#![deny(warnings)]
#![allow(dead_code, unused_macros, non_camel_case_types)]

use memclient::cached;

struct Result;
struct Option;
struct Some;
struct Ok;
struct String;
struct Duration;
struct Cache;
struct CachedFn;
struct Policy;
struct Probe;
mod std {}
mod core {}
mod probe {}

trait Outcome {
    fn await_(&self) {}
    fn key(&self) {}
    fn part(&self) {}
    fn ttl(&self) {}
    fn put(&self) {}
}
impl<T> Outcome for T {}

macro_rules! module_path {
    () => {
        compile_error!("not this one")
    };
}

#[cached(ttl = "1m", none = "1s", skip(cache, call, function))]
fn names(
    key: u32,
    value: u32,
    cache: u32,
    call: u32,
    function: u32,
    payload: u32,
    fields: u32,
) -> ::core::option::Option<u32> {
    ::core::option::Option::Some(key + value + cache + call + function + payload + fields)
}

#[cached]
async fn r#type(r#match: u32, uncached: u32) -> u32 {
    r#match + uncached
}

#[cached]
fn key(value: u32) -> u32 {
    value
}

mod caching {
    pub use memclient as renamed;
}

#[cached(crate = caching::renamed, ttl = "5s")]
fn elsewhere(value: u32) -> u32 {
    value
}

#[::tokio::main(flavor = "current_thread")]
async fn main() {
    assert_eq!(names(1, 2, 3, 4, 5, 6, 7), ::core::option::Option::Some(28));
    names::put(1, 2, 6, 7, &0).unwrap();
    assert_eq!(names(1, 2, 3, 4, 5, 6, 7), ::core::option::Option::Some(0));
    assert_eq!(r#type(1, 2).await, 3);
    assert_eq!(key(3), 3);
    assert_ne!(key::key(3).to_string(), key::key(4).to_string());
    assert_eq!(elsewhere(4), 4);
}
