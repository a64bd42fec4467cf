//! A value without a key of its own cannot be kept without one.

use memclient::{Cache, CacheValue};
use serde::{Deserialize, Serialize};

#[derive(CacheValue, Clone, Deserialize, Serialize)]
struct User {
    id: u64,
}

#[tokio::main]
async fn main() {
    let users = Cache::current().typed::<User>("user");
    users.put_entity(&User { id: 7 }).await.unwrap();
}
