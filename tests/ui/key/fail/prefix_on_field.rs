//! A prefix belongs on the type.

use memclient::CacheKey;

#[derive(CacheKey)]
struct OrgId(#[cache(prefix = "org")] u64);

fn main() {}
