//! The shape of a type is that of the type which serde writes in its place.

use memclient::CacheValue;
use serde::{Deserialize, Serialize};

#[derive(Clone, Deserialize, Serialize)]
struct Wire(u64);

#[derive(CacheValue, Clone, Deserialize, Serialize)]
#[serde(from = "Wire", into = "Wire")]
struct User(u64);

impl From<Wire> for User {
    fn from(wire: Wire) -> Self {
        Self(wire.0)
    }
}

impl From<User> for Wire {
    fn from(user: User) -> Self {
        Self(user.0)
    }
}

fn main() {}
