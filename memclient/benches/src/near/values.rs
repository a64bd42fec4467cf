//! What is kept, and the functions that are cached.

use std::{
    future::Future,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

use memclient::{CacheValue, DecodeError, EncodeError, Payload, Schema};

use super::keys::KEYS;

/// Room for twice the keys, so that nothing has to go.
pub(super) const ROOM: usize = 2 * KEYS;

/// How long everything lives, where it can be said.
pub(super) const SECONDS: u64 = 3600;

/// How often a value was decoded.
pub(super) static DECODED: AtomicU64 = AtomicU64::new(0);

/// A value of about 100 bytes that allocates when it is cloned.
#[derive(Clone)]
pub(super) struct Customer {
    name: String,
    number: u64,
}

/// Something to keep.
pub(super) trait Kept: CacheValue {
    const NAME: &'static str;

    /// Returns the value of this key.
    fn of(key: &str) -> Self;

    // The cached functions of this type, which cannot be generic with every macro.
    fn by_cached(key: &str) -> Self;
    fn by_cached_sharded(key: &str) -> Self;
    async fn by_cached_async(key: &str) -> Self;
    fn by_memclient(key: &str) -> Self;
    /// Returns the very future of the function, so that it is asked as a handle is.
    fn by_memclient_async(key: &str) -> impl Future<Output = Self>;
}

macro_rules! kept {
    ($type:ident, $module:ident, $name:literal, $of:expr) => {
        mod $module {
            use super::{Kept, $type};

            #[cached::macros::cached(
                max_size = 20_000,
                ttl_secs = 3600,
                key = "String",
                convert = r"{ key.to_owned() }"
            )]
            pub(super) fn by_cached(key: &str) -> $type {
                $type::of(key)
            }

            #[cached::macros::concurrent_cached(
                max_size = 20_000,
                ttl_secs = 3600,
                key = "String",
                convert = r"{ key.to_owned() }"
            )]
            pub(super) fn by_cached_sharded(key: &str) -> $type {
                $type::of(key)
            }

            #[cached::macros::cached(
                max_size = 20_000,
                ttl_secs = 3600,
                key = "String",
                convert = r"{ key.to_owned() }"
            )]
            pub(super) async fn by_cached_async(key: &str) -> $type {
                $type::of(key)
            }

            // Named, so that its keys are as long as the others'.
            #[memclient::cached(name = "customer1", ttl = "1h")]
            pub(super) fn by_memclient(key: &str) -> $type {
                $type::of(key)
            }

            #[memclient::cached(name = "customer2", ttl = "1h")]
            pub(super) async fn by_memclient_async(key: &str) -> $type {
                $type::of(key)
            }
        }

        impl Kept for $type {
            const NAME: &'static str = $name;

            fn of(key: &str) -> Self {
                let of: fn(&str) -> Self = $of;
                of(key)
            }

            fn by_cached(key: &str) -> Self {
                $module::by_cached(key)
            }

            fn by_cached_sharded(key: &str) -> Self {
                $module::by_cached_sharded(key)
            }

            async fn by_cached_async(key: &str) -> Self {
                $module::by_cached_async(key).await
            }

            fn by_memclient(key: &str) -> Self {
                $module::by_memclient(key)
            }

            fn by_memclient_async(key: &str) -> impl Future<Output = Self> {
                $module::by_memclient_async(key)
            }
        }
    };
}

kept!(Customer, customers, "a struct of 100 bytes with a String", |key| Customer {
    name: format!("{key:x<92}"),
    number: 7,
});
kept!(Number, numbers, "a u64", |key| Number(key.len() as u64));

/// A value that costs nothing to clone.
#[derive(Clone)]
pub(super) struct Number(u64);

impl Schema for Customer {
    fn describe(schema: &mut memclient::__private::SchemaWriter) {
        schema.name("Customer");
    }
}

impl Schema for Number {
    fn describe(schema: &mut memclient::__private::SchemaWriter) {
        schema.name("Number");
    }
}

impl CacheValue for Customer {
    fn encode(&self) -> Result<Payload, EncodeError> {
        format!("{:08}{}", self.number, self.name).encode()
    }

    fn decode(payload: &Payload) -> Result<Self, DecodeError> {
        DECODED.fetch_add(1, Relaxed);
        String::decode(payload).map(|name| Self { name, number: 7 })
    }
}

impl CacheValue for Number {
    fn encode(&self) -> Result<Payload, EncodeError> {
        self.0.encode()
    }

    fn decode(payload: &Payload) -> Result<Self, DecodeError> {
        DECODED.fetch_add(1, Relaxed);
        u64::decode(payload).map(Self)
    }
}
