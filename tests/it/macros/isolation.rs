//! What other caching macros get wrong: answers that belong to somebody else, errors that are kept,
//! and arguments that they do not take.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use memclient::{Cache, CacheKey, Event, cached};

use super::{Down, Fallible, Perhaps, Runs, User, cache, hold, user};

/// Who asks, which every answer here tells.
trait Tenant {
    const NAME: &'static str;
}

struct North;
struct South;

impl Tenant for North {
    const NAME: &'static str = "north";
}

impl Tenant for South {
    const NAME: &'static str = "south";
}

struct Shop<T>(T);

impl Shop<North> {
    #[cached(cache = cache(), skip(self))]
    async fn owner(&self, id: u64) -> String {
        format!("{} {id}", North::NAME)
    }
}

impl Shop<South> {
    #[cached(cache = cache(), skip(self))]
    async fn owner(&self, id: u64) -> String {
        format!("{} {id}", South::NAME)
    }
}

impl<T: Tenant> Shop<T> {
    #[cached(cache = cache(), skip(self))]
    async fn generic(&self, id: u64) -> String {
        format!("{} {id}", T::NAME)
    }

    #[cached(cache = cache())]
    fn without_self(id: u64) -> String {
        format!("{} {id}", <Self as Named>::tenant())
    }
}

trait Named {
    fn tenant() -> &'static str;

    #[cached(cache = cache(), skip(self))]
    fn provided(&self, id: u64) -> String {
        format!("{} {id}", Self::tenant())
    }
}

impl<T: Tenant> Named for Shop<T> {
    fn tenant() -> &'static str {
        T::NAME
    }
}

trait Greets {
    async fn greeting(&self, id: u64) -> String;
}

impl Greets for North {
    #[cached(cache = cache(), skip(self))]
    async fn greeting(&self, id: u64) -> String {
        format!("north {id}")
    }
}

impl Greets for South {
    #[cached(cache = cache(), skip(self))]
    async fn greeting(&self, id: u64) -> String {
        format!("south {id}")
    }
}

#[cached(cache = cache())]
async fn of_tenant<T: Tenant>(id: u64) -> String {
    format!("{} {id}", T::NAME)
}

/// One name for all tenants: the tenants are told apart all the same.
#[cached(cache = cache(), name = "isolation.named")]
async fn named<T: Tenant>(id: u64) -> String {
    format!("{} {id}", T::NAME)
}

#[tokio::test]
async fn no_tenant_sees_what_belongs_to_another() {
    let _fixture = hold();
    let (north, south) = (Shop(North), Shop(South));
    for _ in 0..2 {
        assert_eq!((north.owner(1).await, south.owner(1).await), both(1));
        assert_eq!((north.generic(1).await, south.generic(1).await), both(1));
        assert_eq!((Shop::<North>::without_self(1), Shop::<South>::without_self(1)), both(1));
        assert_eq!((north.provided(1), south.provided(1)), both(1));
        assert_eq!((north.0.greeting(1).await, south.0.greeting(1).await), both(1));
        assert_eq!((of_tenant::<North>(1).await, of_tenant::<South>(1).await), both(1));
        assert_eq!((named::<North>(1).await, named::<South>(1).await), both(1));
    }
}

fn both(id: u64) -> (String, String) {
    (format!("north {id}"), format!("south {id}"))
}

#[tokio::test]
async fn arguments_need_no_traits_but_to_write_themselves() {
    let _fixture = hold();
    static RUNS: Runs = Runs::new();
    /// Neither `Clone` nor `Hash` nor `Eq`.
    #[derive(CacheKey)]
    struct Point<'a> {
        x: f64,
        label: &'a str,
    }
    #[cached(cache = cache())]
    async fn described(point: &Point<'_>, scale: f64, tags: &[&str], unit: Option<&str>) -> String {
        RUNS.note();
        format!("{} {} {tags:?} {unit:?}", point.x * scale, point.label)
    }
    let label = "here".to_owned();
    let point = Point { x: 1.5, label: &label };
    for _ in 0..2 {
        assert_eq!(described(&point, 2.0, &["a"], None).await, "3 here [\"a\"] None");
        assert_eq!(described(&point, 2.0, &["a"], Some("")).await, "3 here [\"a\"] Some(\"\")");
        assert_eq!(
            described(&point, 0.1 + 0.2, &[], None).await,
            "0.45000000000000007 here [] None"
        );
        assert_eq!(described(&point, 0.3, &[], None).await, "0.44999999999999996 here [] None");
    }
    assert_eq!(RUNS.count(), 4);
}

#[tokio::test]
async fn some_of_nothing_is_not_nothing() {
    let _fixture = hold();
    #[cached(cache = cache())]
    async fn told(text: Option<&str>, list: &[&str], deep: Option<Option<u8>>) -> String {
        format!("{text:?} {list:?} {deep:?}")
    }
    let cases: [(Option<&str>, &[&str], Option<Option<u8>>); 7] = [
        (None, &[], None),
        (Some(""), &[], None),
        (Some("~"), &[], None),
        (None, &[""], None),
        (None, &["", ""], None),
        (None, &[], Some(None)),
        (None, &["a,b"], None),
    ];
    for _ in 0..2 {
        for (text, list, deep) in cases {
            assert_eq!(told(text, list, deep).await, format!("{text:?} {list:?} {deep:?}"));
        }
    }
}

#[tokio::test]
async fn an_err_behind_an_alias_is_not_kept() {
    let _fixture = hold();
    static RUNS: Runs = Runs::new();
    type Answer = Fallible<Perhaps<User>>;
    #[cached(cache = cache())]
    async fn failing(id: u64) -> Fallible<User> {
        RUNS.note();
        if RUNS.count() < 3 { Err(Down) } else { Ok(user(id)) }
    }
    #[cached(cache = cache(), none = "1m")]
    fn whole(_id: u64) -> Answer {
        RUNS.note();
        Err(Down)
    }
    assert_eq!(failing(1).await, Err(Down));
    assert_eq!(failing(1).await, Err(Down));
    assert_eq!(failing(1).await, Ok(user(1)));
    assert_eq!(failing(1).await, Ok(user(1)));
    assert_eq!(RUNS.count(), 3);
    assert_eq!((whole(1), whole(1)), (Err(Down), Err(Down)));
    assert_eq!(RUNS.count(), 5);
}

#[tokio::test]
async fn cached_functions_can_be_spawned() {
    let _fixture = hold();
    struct Repository {
        tenant: String,
    }
    impl Repository {
        #[cached(cache = cache(), key(self.tenant, text))]
        async fn shout(&self, text: &str) -> String {
            tokio::task::yield_now().await;
            text.to_uppercase()
        }
    }
    #[cached(cache = cache())]
    async fn shout<T: AsRef<str> + CacheKey + Send + Sync>(text: &T, tag: Option<&str>) -> String {
        tokio::task::yield_now().await;
        format!("{}{}", text.as_ref().to_uppercase(), tag.unwrap_or_default())
    }
    let repository = Arc::new(Repository { tenant: "north".to_owned() });
    let tasks: Vec<_> = (0..8)
        .map(|at| {
            let repository = Arc::clone(&repository);
            tokio::spawn(async move {
                let text = format!("quiet {}", at % 2);
                let method = repository.shout(&text).await;
                (method, shout(&text, Some("!")).await)
            })
        })
        .collect();
    for (at, task) in tasks.into_iter().enumerate() {
        let expected = format!("QUIET {}", at % 2);
        assert_eq!(task.await.unwrap(), (expected.clone(), expected + "!"));
    }
}

/// Two functions that say the same name, where the compiler cannot see it.
mod first {
    use super::{Runs, cached, watched};

    pub(super) static RUNS: Runs = Runs::new();

    #[cached(cache = watched(), name = "isolation.twice")]
    pub(super) async fn answer(id: u64) -> u64 {
        RUNS.note();
        id + 1
    }
}

mod second {
    use super::{Runs, cached, watched};

    pub(super) static RUNS: Runs = Runs::new();

    #[cached(cache = watched(), name = "isolation.twice")]
    pub(super) async fn answer(id: u64) -> u64 {
        RUNS.note();
        id + 2
    }
}

static TOLD: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// A cache that notes which names were taken.
fn watched() -> Cache {
    static WATCHED: std::sync::OnceLock<Cache> = std::sync::OnceLock::new();
    let observer = |event: &Event<'_>| {
        if let Event::NameTaken { error } = event {
            TOLD.lock().unwrap().push(error.to_string());
        }
    };
    WATCHED.get_or_init(|| Cache::builder().observer(observer).build().unwrap()).clone()
}

#[tokio::test]
async fn functions_of_one_name_do_not_answer_for_each_other() {
    for _ in 0..2 {
        assert_eq!(first::answer(1).await, 2);
        assert_eq!(second::answer(1).await, 3);
    }
    assert_eq!((first::RUNS.count(), second::RUNS.count()), (1, 2));
    let told = TOLD.lock().unwrap().clone();
    assert_eq!(told.len(), 1, "{told:?}");
    for part in ["first::answer", "second::answer", "`isolation.twice`", "another `name`"] {
        assert!(told[0].contains(part), "{part}: {told:?}");
    }
    let refused = second::answer::invalidate(1).await.unwrap_err().to_string();
    assert_eq!(refused, told[0]);
    second::answer::peek(1).await.unwrap_err();
    second::answer::put(1, &7).await.unwrap_err();
    assert_eq!(second::answer::refresh(1).await, 3);
    assert_eq!(first::answer::peek(1).await.unwrap(), Some(2));
}

#[tokio::test]
async fn one_name_in_two_caches_is_no_conflict() {
    let _fixture = hold();
    #[cached(cache = cache(), name = "isolation.caches")]
    async fn here(id: u64) -> u64 {
        id
    }
    #[cached(cache = watched(), name = "isolation.caches", ttl = Duration::from_secs(60))]
    async fn there(id: u64) -> u64 {
        id + 1
    }
    assert_eq!((here(1).await, there(1).await), (1, 2));
    assert_eq!(here::peek(1).await.unwrap(), Some(1));
    assert_eq!(there::peek(1).await.unwrap(), Some(2));
}

#[tokio::test]
async fn functions_of_one_name_in_blocks_of_one_body_are_refused_too() {
    let run = |which: u8| async move {
        if which == 0 {
            #[cached(cache = watched())]
            async fn inner(_id: u64) -> u64 {
                10
            }
            inner(1).await
        } else {
            #[cached(cache = watched())]
            async fn inner(_id: u64) -> u64 {
                20
            }
            inner(1).await
        }
    };
    for _ in 0..2 {
        assert_eq!((run(0).await, run(1).await), (10, 20));
    }
}
