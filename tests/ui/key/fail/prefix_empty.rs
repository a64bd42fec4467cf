//! An empty prefix is none.

use memclient::CacheKey;

#[derive(CacheKey)]
#[cache(prefix = "")]
struct OrgId(u64);

fn main() {}
