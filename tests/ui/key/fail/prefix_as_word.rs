//! A prefix is text.

use memclient::CacheKey;

#[derive(CacheKey)]
#[cache(prefix = org)]
struct OrgId(u64);

fn main() {}
