//! Cached functions that another macro writes.

use memclient::cached;

macro_rules! scaled {
    ($vis:vis $name:ident($argument:ident: $ty:ty) -> $returns:ty, $ttl:literal, $version:literal, $by:expr) => {
        #[cached(ttl = $ttl, version = $version, key($argument % 10))]
        $vis fn $name($argument: $ty) -> $returns {
            Some(*vec![$argument * $by].first()?)
        }
    };
}

scaled!(pub(crate) tripled(number: u32) -> Option<u32>, "1m", 2, 1 + 2);
scaled!(doubled(number: u64) -> Option<u64>, "1h", 3, 2);

struct Scale(u32);

macro_rules! method {
    ($name:ident, $this:ident, $body:expr) => {
        #[cached(key($this.0))]
        fn $name(&$this) -> u32 {
            $body * 2
        }
    };
}

impl Scale {
    method!(size, self, self.0 + 1);
}

fn main() {
    assert_eq!(tripled(3), Some(9));
    tripled::put(3, &10).unwrap();
    assert_eq!(tripled(13), Some(10));
    assert_eq!(tripled::peek(3).unwrap(), Some(Some(10)));
    assert_eq!(doubled(3), Some(6));
    assert_eq!(Scale(4).size(), 10);
}
