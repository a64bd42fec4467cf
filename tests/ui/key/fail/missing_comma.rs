//! Options are separated by commas.

use memclient::CacheKey;

#[derive(CacheKey)]
#[cache(prefix = "org" version = 2)]
struct OrgId(u64);

fn main() {}
