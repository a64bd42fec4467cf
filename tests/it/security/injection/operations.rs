//! The table of everything that takes a key.

use std::{future::Future, pin::Pin, time::Duration};

use memclient::{
    CacheBackend, CasToken, Charset, Client, Key, Result, Ttl, Value,
    backend::{Arithmetic, Delete, Get, Lease, LeaseTerms, Mode, Set},
};

type Outcome<'a> = Pin<Box<dyn Future<Output = Result<()>> + 'a>>;

/// The name of an operation, and a call of it with a key.
pub(super) type Operation = (&'static str, for<'a> fn(&'a Client, &'a [u8]) -> Outcome<'a>);

macro_rules! table {
    ($client:ident, $key:ident: $($name:literal => $call:expr,)*) => {
        vec![$(row($name, |$client, $key| Box::pin(async move { $call.await.map(drop) }))),*]
    };
}

fn row(name: &'static str, call: for<'a> fn(&'a Client, &'a [u8]) -> Outcome<'a>) -> Operation {
    (name, call)
}

/// Takes the outcome of a batch of one.
async fn only<T>(batch: impl Future<Output = Vec<Result<T>>>) -> Result<T> {
    batch.await.remove(0)
}

/// Returns the operations of a client.
pub(super) fn of_the_client() -> Vec<Operation> {
    table! { client, key:
        "get" => client.get(key),
        "gets" => client.gets(key),
        "get_many" => only(client.get_many(&[key])),
        "gets_many" => only(client.gets_many(&[key])),
        "set" => client.set(key, "v", Ttl::Never),
        "set_many" => only(client.set_many([(key, "v")], Ttl::Never)),
        "add" => client.add(key, "v", Ttl::Never),
        "replace" => client.replace(key, "v", Ttl::Never),
        "append" => client.append(key, "v"),
        "prepend" => client.prepend(key, "v"),
        "cas" => client.cas(key, "v", Ttl::Never, CAS),
        "delete" => client.delete(key),
        "delete_if" => client.delete_if(key, CAS),
        "delete_many" => only(client.delete_many(&[key])),
        "touch" => client.touch(key, Ttl::Never),
        "touch_many" => only(client.touch_many(&[key], Ttl::Never)),
        "incr" => client.incr(key, 1),
        "decr" => client.decr(key, 1),
        "incr_or_init" => client.incr_or_init(key, 1, 0, Ttl::Never),
        "gat" => client.gat(key, Ttl::Never),
        "gats" => client.gats(key, Ttl::Never),
        "gat_many" => only(client.gat_many(&[key], Ttl::Never)),
        "gats_many" => only(client.gats_many(&[key], Ttl::Never)),
        "meta_of" => client.meta_of(key),
        "unconfirmed set" => client.unconfirmed().set(key, "v", Ttl::Never),
        "unconfirmed add" => client.unconfirmed().add(key, "v", Ttl::Never),
        "unconfirmed replace" => client.unconfirmed().replace(key, "v", Ttl::Never),
        "unconfirmed append" => client.unconfirmed().append(key, "v"),
        "unconfirmed prepend" => client.unconfirmed().prepend(key, "v"),
        "unconfirmed delete" => client.unconfirmed().delete(key),
        "unconfirmed touch" => client.unconfirmed().touch(key, Ttl::Never),
        "unconfirmed incr" => client.unconfirmed().incr(key, 1),
        "unconfirmed decr" => client.unconfirmed().decr(key, 1),
    }
}

/// Returns the operations that a client has as a backend, leases among them. Their keys are made
/// before, with unicode allowed.
pub(super) fn of_the_backend() -> Vec<Operation> {
    table! { client, key:
        "backend get" => async { CacheBackend::get(client, &made(key)?, Get::shared()).await },
        "backend lease" => async {
            CacheBackend::get(client, &made(key)?, Get::lease(TERMS)).await
        },
        "backend get_many" => async {
            only(CacheBackend::get_many(client, &[made(key)?], Get::shared())).await
        },
        "backend leases" => async {
            only(CacheBackend::get_many(client, &[made(key)?], Get::lease(TERMS))).await
        },
        "backend confirm_many" => async { only(client.confirm_many(&[(made(key)?, CAS)])).await },
        "backend set" => async { CacheBackend::set(client, &made(key)?, value(), set()).await },
        "backend add" => async {
            CacheBackend::set(client, &made(key)?, value(), set().mode(Mode::Add)).await
        },
        "backend fill" => async {
            CacheBackend::set(client, &made(key)?, value(), set().if_cas(CAS)).await
        },
        "backend set_many" => async {
            only(CacheBackend::set_many(client, vec![(made(key)?, value(), set())])).await
        },
        "backend delete" => async {
            CacheBackend::delete(client, &made(key)?, Delete::default()).await
        },
        "backend invalidate" => async {
            CacheBackend::delete(client, &made(key)?, Delete::stale_for(SECOND)).await
        },
        "backend release" => async { client.release(&made(key)?, Lease::of_stub(CAS)).await },
        "backend release of an item" => async {
            client.release(&made(key)?, Lease::of_item(CAS)).await
        },
        "backend touch" => async { CacheBackend::touch(client, &made(key)?, Ttl::Never).await },
        "backend arithmetic" => async {
            client.arithmetic(&made(key)?, Arithmetic::increment(1)).await
        },
        "backend counter" => async {
            client.arithmetic(&made(key)?, Arithmetic::increment(1).or_start_at(1, SECOND)).await
        },
    }
}

const CAS: CasToken = CasToken::new(1);
const SECOND: Duration = Duration::from_secs(1);
const TERMS: LeaseTerms = LeaseTerms::new(SECOND);

fn made(key: &[u8]) -> Result<Key> {
    Ok(Key::with_charset(key, Charset::Unicode)?)
}

fn set() -> Set {
    Set::ttl(Ttl::Never)
}

fn value() -> Value {
    Value::new("v", 0)
}
