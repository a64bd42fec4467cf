//! A cached function without `async`, and plain functions beside it.

use std::sync::atomic::{AtomicU32, Ordering};

use memclient::cached;

static RUNS: AtomicU32 = AtomicU32::new(0);

#[cached(ttl = "1h")]
fn square(number: u64) -> u64 {
    RUNS.fetch_add(1, Ordering::Relaxed);
    number * number
}

fn main() {
    assert_eq!(square(4), 16);
    assert_eq!(square(4), 16);
    assert_eq!(square::uncached(4), 16);
    assert_eq!(RUNS.load(Ordering::Relaxed), 2);

    square::put(4, &17).unwrap();
    assert_eq!(square(4), 17);
    let peeked: Option<u64> = square::peek(4).unwrap();
    assert_eq!(peeked, Some(17));
    assert_eq!(square::refresh(4), 16);
    square::invalidate(4).unwrap();
    assert_eq!(square::peek(4).unwrap(), None);
    assert_eq!(RUNS.load(Ordering::Relaxed), 3);
    assert!(!square::key(4).to_string().is_empty());
}
