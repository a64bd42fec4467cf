//! A function inside of a function has its companion there.

use memclient::cached;

fn outer(start: u32) -> u32 {
    #[cached]
    fn inner(number: u32) -> u32 {
        struct Own(u32);
        impl Own {
            fn make(number: u32) -> Self {
                Self(number)
            }
        }
        Own::make(number).0 + 1
    }
    let first = inner(start);
    inner::invalidate(start).unwrap();
    first
}

fn main() {
    assert_eq!(outer(1), 2);
}
