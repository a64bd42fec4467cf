//! A prefix needs its text.

use memclient::CacheKey;

#[derive(CacheKey)]
#[cache(prefix)]
struct OrgId(u64);

fn main() {}
