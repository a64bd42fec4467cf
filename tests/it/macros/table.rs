//! Every kind of function with every kind of result, each kept by the real server under the key
//! that the documentation says.

use std::{future::Future, pin::Pin};

use memclient::{CacheKey, CacheValue, Fingerprint, cached};

use super::{Down, Fallible, Fixture, Perhaps, Runs, User, cache, hold, user};

type Same = User;
type Found = Fallible<Perhaps<User>>;

/// The part of a key that says where a function stands that its name does not place.
fn place(path: &str) -> String {
    let path = path.replace(' ', "%20").replace('{', "%7B").replace('}', "%7D");
    format!(":{path}")
}

/// Checks that the server has the user under the documented key.
async fn stored(fixture: &Fixture, module: &str, behind: &str) {
    let (module, fingerprint) = (module.replace("::", "."), Fingerprint::of::<User>());
    let key = format!("macros:{module}.load.{fingerprint}{behind}");
    let item = fixture.server.item(&key).await.unwrap();
    let item = item.unwrap_or_else(|| panic!("nothing is kept under {key}"));
    assert_eq!(item.data, user(7).encode().unwrap().data);
}

/// One cell: calls twice, and expects one run and what the server has.
macro_rules! cell {
    ($name:ident, $behind:expr, $($wait:ident)?, $call:expr => $expected:expr) => {
        #[tokio::test]
        async fn $name() {
            let fixture = hold();
            for _ in 0..2 {
                assert_eq!($call $(.$wait)?, $expected);
            }
            assert_eq!(RUNS.count(), 1);
            stored(&fixture, module_path!(), &$behind).await;
        }
    };
}

/// The functions of one shape in all places; `$async` and `$wait` are there or not.
macro_rules! places {
    ($($async:ident)?, $($wait:ident)?, $returns:ty, $body:expr) => {
        mod free {
            use super::super::*;

            static RUNS: Runs = Runs::new();

            #[cached(cache = cache())]
            $($async)? fn load(id: u64) -> $returns {
                RUNS.note();
                let _ = id;
                $body
            }

            cell!(is_kept, ":7", $($wait)?, load(7) => $body);
        }

        mod method {
            use super::super::*;

            static RUNS: Runs = Runs::new();

            struct Shop(u64);

            impl Shop {
                #[cached(cache = cache(), key(self.0, id))]
                $($async)? fn load(&self, id: u64) -> $returns {
                    RUNS.note();
                    $body
                }
            }

            const OWNER: &str = concat!(module_path!(), "::Shop");
            cell!(is_kept, place(OWNER) + ":1:7", $($wait)?, Shop(1).load(7) => $body);
        }

        mod generic {
            use super::super::*;

            static RUNS: Runs = Runs::new();

            #[cached(cache = cache())]
            $($async)? fn load<T: CacheKey + Into<u64>, const N: usize>(id: T) -> $returns {
                RUNS.note();
                let _ = id;
                $body
            }

            cell!(is_kept, ":u32:3:7", $($wait)?, load::<u32, 3>(7) => $body);
        }

        mod lifetimes {
            use super::super::*;

            static RUNS: Runs = Runs::new();

            #[cached(cache = cache())]
            $($async)? fn load<'a, 'b: 'a>(shop: &'a str, tag: Option<&'b str>, id: &u64) -> $returns {
                RUNS.note();
                let _ = (shop, tag, id);
                $body
            }

            cell!(is_kept, ":a%3Ab:~:7", $($wait)?, load(&"a:b".to_owned(), None, &7) => $body);
        }

        mod trait_impl {
            use super::super::*;

            static RUNS: Runs = Runs::new();

            struct Shop(u64);

            trait Load {
                $($async)? fn load(&self, id: u64) -> $returns;
            }

            impl Load for Shop {
                #[cached(cache = cache(), key(self.0, id))]
                $($async)? fn load(&self, id: u64) -> $returns {
                    RUNS.note();
                    $body
                }
            }

            const OWNER: &str =
                concat!("<", module_path!(), "::Shop as ", module_path!(), "::Load>");
            cell!(is_kept, place(OWNER) + ":1:7", $($wait)?, Shop(1).load(7) => $body);
        }

        mod in_a_function {
            use super::super::*;

            static RUNS: Runs = Runs::new();

            $($async)? fn outer(id: u64) -> $returns {
                #[cached(cache = cache())]
                $($async)? fn load(id: u64) -> $returns {
                    RUNS.note();
                    let _ = id;
                    $body
                }
                load(id)$(.$wait)?
            }

            // The body of an asynchronous function is a closure to the compiler.
            const BODY: &str = concat!(module_path!(), "::outer" $(, inside!($wait))?, "::load");
            cell!(is_kept, place(BODY) + ":7", $($wait)?, outer(7) => $body);
        }
    };
}

macro_rules! inside {
    (await) => {
        "::{{closure}}"
    };
}

/// The places that only asynchronous functions have.
macro_rules! async_places {
    ($returns:ty, $body:expr) => {
        mod async_trait {
            use super::super::*;

            static RUNS: Runs = Runs::new();

            struct Shop(u64);

            #[async_trait::async_trait]
            trait Load {
                async fn load(&self, id: u64) -> $returns;
            }

            #[async_trait::async_trait]
            impl Load for Shop {
                #[cached(cache = cache(), key(self.0, id))]
                async fn load(&self, id: u64) -> $returns {
                    RUNS.note();
                    tokio::task::yield_now().await;
                    let _ = id;
                    $body
                }
            }

            const OWNER: &str =
                concat!("<", module_path!(), "::Shop as ", module_path!(), "::Load>");
            cell!(is_kept, place(OWNER) + ":1:7", await, Shop(1).load(7) => $body);
        }

        mod boxed {
            use super::super::*;

            static RUNS: Runs = Runs::new();

            #[cached(cache = cache())]
            fn load(id: u64) -> Pin<Box<dyn Future<Output = $returns> + Send>> {
                Box::pin(async move {
                    RUNS.note();
                    let _ = id;
                    $body
                })
            }

            cell!(is_kept, ":7", await, load(7) => $body);
        }

        mod opaque {
            use super::super::*;

            static RUNS: Runs = Runs::new();

            #[cached(cache = cache())]
            fn load(id: &u64) -> impl Future<Output = $returns> + Send {
                async move {
                    RUNS.note();
                    let _ = id;
                    $body
                }
            }

            cell!(is_kept, ":7", await, load(&7) => $body);
        }
    };
}

macro_rules! table {
    ($($asynchronous:ident, $blocking:ident: $returns:ty = $body:expr;)*) => {$(
        mod $asynchronous {
            places! { async, await, $returns, $body }
            async_places! { $returns, $body }
        }

        mod $blocking {
            places! { , , $returns, $body }
        }
    )*};
}

table! {
    plain, plain_blocking: User = user(7);
    option, option_blocking: Option<User> = Some(user(7));
    result, result_blocking: Result<User, Down> = Ok(user(7));
    result_option, result_option_blocking: Result<Option<User>, Down> = Ok(Some(user(7)));
    alias, alias_blocking: Same = user(7);
    alias_of_option, alias_of_option_blocking: Perhaps<User> = Some(user(7));
    alias_of_result, alias_of_result_blocking: Fallible<User> = Ok(user(7));
    alias_of_both, alias_of_both_blocking: Found = Ok(Some(user(7)));
}
