//! A type whose name, fields or options come from a macro.

use memclient::{Cache, CacheKey, CacheValue};
use serde::{Deserialize, Serialize};

macro_rules! model {
    ($name:ident { $($field:ident: $type:ty),* }) => {
        #[derive(CacheKey, CacheValue, Clone, Debug, Deserialize, PartialEq, Serialize)]
        #[cache(prefix = "model", compress = "zlib")]
        struct $name {
            $($field: $type),*
        }
    };
    ($item:item) => {
        #[derive(CacheValue, Clone, Debug, Deserialize, PartialEq, Serialize)]
        $item
    };
}

model! { User { id: u64, name: String } }
model! { enum State { Open, Closed(u64) } }

#[tokio::main(flavor = "current_thread")]
async fn main() -> memclient::Result<()> {
    let cache = Cache::builder().build()?;
    let ada = User { id: 7, name: "Ada".into() };
    let users = cache.typed("user");
    users.put(&ada, &ada).await?;
    assert_eq!(users.get(&ada).await?, Some(ada));
    let states = cache.typed("state");
    states.put(&1, &State::Closed(2)).await?;
    assert_eq!(states.get(&1).await?, Some(State::Closed(2)));
    assert_ne!(State::Open, State::Closed(2));
    Ok(())
}
