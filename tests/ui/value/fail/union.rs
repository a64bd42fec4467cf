//! A union does not know what it holds.

use memclient::CacheValue;

#[derive(CacheValue)]
union Bits {
    a: u32,
    b: f32,
}

fn main() {}
