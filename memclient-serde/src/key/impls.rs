//! How the types of the standard library stand in keys.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet, VecDeque},
    marker::PhantomData,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6},
    num::NonZero,
    path::{Path, PathBuf},
    rc::Rc,
    sync::Arc,
    time::{Duration, SystemTime},
};

use bytes::Bytes;

use crate::key::{CacheKey, KeyWriter};

macro_rules! integers {
    ($($type:ident)*) => {$(
        impl CacheKey for $type {
            fn write_key(&self, key: &mut KeyWriter) {
                key.integer(*self);
            }
        }

        impl CacheKey for NonZero<$type> {
            fn write_key(&self, key: &mut KeyWriter) {
                key.integer(self.get());
            }
        }
    )*};
}

integers! { i8 i16 i32 i64 i128 isize u16 u32 u64 u128 usize }

impl CacheKey for u8 {
    fn write_key(&self, key: &mut KeyWriter) {
        key.integer(*self);
    }

    fn write_list(list: &[Self], key: &mut KeyWriter) {
        key.bytes(list);
    }
}

impl CacheKey for NonZero<u8> {
    fn write_key(&self, key: &mut KeyWriter) {
        key.integer(self.get());
    }
}

macro_rules! floats {
    ($($type:ident)*) => {$(
        impl CacheKey for $type {
            fn write_key(&self, key: &mut KeyWriter) {
                // The shortest text that reads back the same: digits, letters, `.` and `-`.
                key.plain_fmt(format_args!("{self:?}"));
            }
        }
    )*};
}

floats! { f32 f64 }

impl CacheKey for bool {
    fn write_key(&self, key: &mut KeyWriter) {
        key.plain(if *self { "true" } else { "false" });
    }
}

impl CacheKey for char {
    fn write_key(&self, key: &mut KeyWriter) {
        key.text(self.encode_utf8(&mut [0; 4]));
    }
}

impl CacheKey for () {
    fn write_key(&self, key: &mut KeyWriter) {
        key.plain("()");
    }
}

impl<T: ?Sized> CacheKey for PhantomData<T> {
    fn write_key(&self, _key: &mut KeyWriter) {}
}

impl CacheKey for str {
    fn write_key(&self, key: &mut KeyWriter) {
        key.text(self);
    }
}

impl CacheKey for String {
    fn write_key(&self, key: &mut KeyWriter) {
        key.text(self);
    }
}

impl CacheKey for Bytes {
    fn write_key(&self, key: &mut KeyWriter) {
        key.bytes(self);
    }
}

impl CacheKey for Path {
    fn write_key(&self, key: &mut KeyWriter) {
        key.encoded_text(self.as_os_str().as_encoded_bytes());
    }
}

impl CacheKey for PathBuf {
    fn write_key(&self, key: &mut KeyWriter) {
        self.as_path().write_key(key);
    }
}

macro_rules! pointers {
    ($([$($bounds:tt)*] $type:ty;)*) => {$(
        impl<T: $($bounds)*> CacheKey for $type {
            fn write_key(&self, key: &mut KeyWriter) {
                (**self).write_key(key);
            }
        }
    )*};
}

pointers! {
    [CacheKey + ?Sized] &T;
    [CacheKey + ?Sized] &mut T;
    [CacheKey + ?Sized] Box<T>;
    [CacheKey + ?Sized] Rc<T>;
    [CacheKey + ?Sized] Arc<T>;
    [CacheKey + ToOwned + ?Sized] Cow<'_, T>;
}

impl<T: CacheKey> CacheKey for Option<T> {
    fn write_key(&self, key: &mut KeyWriter) {
        let Some(value) = self else {
            return key.plain("~");
        };
        key.plain("+");
        key.item(value);
    }
}

impl<T: CacheKey, E: CacheKey> CacheKey for Result<T, E> {
    fn write_key(&self, key: &mut KeyWriter) {
        key.variant(if self.is_ok() { "Ok" } else { "Err" });
        let mut fields = key.tuple();
        match self {
            Ok(value) => fields.item(value),
            Err(error) => fields.item(error),
        }
        fields.finish();
    }
}

impl<T: CacheKey> CacheKey for [T] {
    fn write_key(&self, key: &mut KeyWriter) {
        T::write_list(self, key);
    }
}

impl<T: CacheKey, const N: usize> CacheKey for [T; N] {
    fn write_key(&self, key: &mut KeyWriter) {
        T::write_list(self, key);
    }
}

impl<T: CacheKey> CacheKey for Vec<T> {
    fn write_key(&self, key: &mut KeyWriter) {
        T::write_list(self, key);
    }
}

macro_rules! lists {
    ($($type:ident)*) => {$(
        impl<T: CacheKey> CacheKey for $type<T> {
            fn write_key(&self, key: &mut KeyWriter) {
                let mut items = key.list();
                for item in self {
                    items.item(item);
                }
                items.finish();
            }
        }
    )*};
}

lists! { BTreeSet VecDeque }

impl<K: CacheKey, V: CacheKey> CacheKey for BTreeMap<K, V> {
    fn write_key(&self, key: &mut KeyWriter) {
        let mut entries = key.map();
        for (name, value) in self {
            entries.entry(name, value);
        }
        entries.finish();
    }
}

macro_rules! tuples {
    ($(($($type:ident)+))*) => {$(
        impl<$($type: CacheKey),+> CacheKey for ($($type,)+) {
            #[expect(non_snake_case, reason = "each element is named after its type")]
            fn write_key(&self, key: &mut KeyWriter) {
                let ($($type,)+) = self;
                let mut fields = key.tuple();
                $(fields.item($type);)+
                fields.finish();
            }
        }
    )*};
}

tuples! {
    (A)
    (A B)
    (A B C)
    (A B C D)
    (A B C D E)
    (A B C D E F)
    (A B C D E F G)
    (A B C D E F G H)
    (A B C D E F G H I)
    (A B C D E F G H I J)
    (A B C D E F G H I J K)
    (A B C D E F G H I J K L)
}

impl CacheKey for Duration {
    fn write_key(&self, key: &mut KeyWriter) {
        let (seconds, mut fraction) = (self.as_secs(), self.subsec_nanos());
        if fraction == 0 {
            return key.plain_fmt(format_args!("{seconds}s"));
        }
        let mut width = 9;
        while fraction % 10 == 0 {
            fraction /= 10;
            width -= 1;
        }
        key.plain_fmt(format_args!("{seconds}.{fraction:0width$}s"));
    }
}

impl CacheKey for SystemTime {
    fn write_key(&self, key: &mut KeyWriter) {
        match self.duration_since(Self::UNIX_EPOCH) {
            Ok(since) => since.write_key(key),
            Err(before) => {
                key.plain("-");
                before.duration().write_key(key);
            }
        }
    }
}

impl CacheKey for Ipv4Addr {
    fn write_key(&self, key: &mut KeyWriter) {
        key.plain_fmt(format_args!("{self}"));
    }
}

impl CacheKey for Ipv6Addr {
    fn write_key(&self, key: &mut KeyWriter) {
        key.plain_fmt(format_args!("[{self}]"));
    }
}

impl CacheKey for SocketAddrV4 {
    fn write_key(&self, key: &mut KeyWriter) {
        key.plain_fmt(format_args!("{self}"));
    }
}

impl CacheKey for SocketAddrV6 {
    fn write_key(&self, key: &mut KeyWriter) {
        let (ip, port, scope, flow) = (self.ip(), self.port(), self.scope_id(), self.flowinfo());
        if (scope, flow) == (0, 0) {
            return key.plain_fmt(format_args!("[{ip}]:{port}"));
        }
        key.plain_fmt(format_args!("[{ip}/{scope}/{flow}]:{port}"));
    }
}

impl CacheKey for IpAddr {
    fn write_key(&self, key: &mut KeyWriter) {
        match self {
            Self::V4(ip) => ip.write_key(key),
            Self::V6(ip) => ip.write_key(key),
        }
    }
}

impl CacheKey for SocketAddr {
    fn write_key(&self, key: &mut KeyWriter) {
        match self {
            Self::V4(address) => address.write_key(key),
            Self::V6(address) => address.write_key(key),
        }
    }
}
