//! Values that have their own key in them, over a real memcached.

use memclient::{CacheEntity, CacheKey, CacheValue, cache_put, cached, invalidates};
use serde::{Deserialize, Serialize};

use super::{cache, hold, tiered};

#[derive(CacheValue, Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cache(entity(key = (org, id)))]
struct Member {
    name: String,
    id: u64,
    org: String,
}

#[derive(CacheKey, Clone, Debug, Deserialize, PartialEq, Serialize, CacheValue)]
struct Number(u32);

#[derive(CacheValue, Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cache(entity(key = 0), codec = "json")]
struct Row<K, T>(K, T);

fn ada() -> Member {
    Member { name: "Ada".into(), id: 7, org: "north".into() }
}

#[tokio::test]
async fn an_entity_is_kept_under_the_key_that_others_ask_for() {
    let fixture = hold();
    let (here, there) = (tiered(&fixture.server, "entities"), tiered(&fixture.server, "entities"));
    let (members, others) = (here.typed::<Member>("member"), there.typed::<Member>("member"));
    members.put_entity(&ada()).await.unwrap();
    assert!(members.key(&ada().entity_key()).to_string().ends_with(":(north,7)"));
    assert_eq!(others.get(&("north", 7)).await.unwrap(), Some(ada()));
    assert_eq!(others.get(&("south", 7)).await.unwrap(), None);

    let renamed = Member { name: "Eve".into(), ..ada() };
    members.put_entity(&renamed).await.unwrap();
    assert_eq!(members.get(&("north", 7)).await.unwrap(), Some(renamed.clone()));
    members.invalidate_entity(&ada()).await.unwrap();
    assert_eq!(members.get(&("north", 7)).await.unwrap(), None, "whatever was kept there");
}

#[tokio::test]
async fn a_generic_entity_has_a_key_of_its_parameter() {
    let fixture = hold();
    let rows = tiered(&fixture.server, "rows").typed::<Row<Number, String>>("row");
    let row = Row(Number(3), "three".to_owned());
    let put = {
        let (rows, row) = (rows.clone(), row.clone());
        tokio::spawn(async move { rows.put_entity(&row).await })
    };
    put.await.unwrap().unwrap();
    assert_eq!(rows.get(&3).await.unwrap(), Some(row));
}

#[cached(cache = cache(), key((org, id)))]
async fn member(org: &str, id: u64) -> Option<Member> {
    Some(Member { org: org.into(), id, ..ada() })
}

#[cache_put(member(changed.entity_key().0, *changed.entity_key().1) = changed.clone())]
async fn save(changed: &Member) {
    let _ = changed;
}

#[invalidates(member(gone.entity_key().0, *gone.entity_key().1))]
async fn delete(gone: Member) {
    drop(gone);
}

#[tokio::test]
async fn a_writer_names_the_entry_by_the_entity() {
    let _fixture = hold();
    let renamed = Member { name: "Eve".into(), ..ada() };
    assert_eq!(member("north", 7).await, Some(ada()));
    save(&renamed).await;
    assert_eq!(member("north", 7).await, Some(renamed.clone()));
    delete(renamed).await;
    assert_eq!(member::peek("north", 7).await.unwrap(), None);
}
