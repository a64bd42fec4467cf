//! One prefix is enough.

use memclient::CacheKey;

#[derive(CacheKey)]
#[cache(prefix = "org", prefix = "team")]
struct OrgId(u64);

fn main() {}
