//! A colon stands between the parts of a key.

use memclient::CacheKey;

#[derive(CacheKey)]
#[cache(prefix = "org:")]
struct OrgId(u64);

fn main() {}
