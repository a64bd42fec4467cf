//! The name of a type is no part of its keys.

use memclient::CacheKey;

#[derive(CacheKey)]
#[cache(rename = "org")]
struct OrgId(u64);

fn main() {}
