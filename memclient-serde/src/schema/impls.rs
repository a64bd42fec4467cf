//! Descriptions of the types of the standard library.
//!
//! Wrappers that leave no trace in the bytes are transparent, and a borrowed form is described like
//! the owned one. Everything else has a name of its own, even where two types are written alike:
//! a needless miss is cheaper than a false hit.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque},
    marker::PhantomData,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6},
    num::NonZero,
    path::{Path, PathBuf},
    rc::Rc,
    sync::Arc,
    time::{Duration, SystemTime},
};

use bytes::Bytes;

use crate::schema::{Schema, SchemaWriter, declared_at};

macro_rules! named {
    ($($type:ty = $name:literal,)*) => {$(
        impl Schema for $type {
            fn describe(schema: &mut SchemaWriter) {
                schema.name($name);
            }
        }
    )*};
}

named! {
    () = "unit",
    bool = "bool",
    char = "char",
    f32 = "f32",
    f64 = "f64",
    i8 = "i8",
    i16 = "i16",
    i32 = "i32",
    i64 = "i64",
    i128 = "i128",
    isize = "isize",
    u8 = "u8",
    u16 = "u16",
    u32 = "u32",
    u64 = "u64",
    u128 = "u128",
    usize = "usize",
    NonZero<i8> = "nonzero i8",
    NonZero<i16> = "nonzero i16",
    NonZero<i32> = "nonzero i32",
    NonZero<i64> = "nonzero i64",
    NonZero<i128> = "nonzero i128",
    NonZero<isize> = "nonzero isize",
    NonZero<u8> = "nonzero u8",
    NonZero<u16> = "nonzero u16",
    NonZero<u32> = "nonzero u32",
    NonZero<u64> = "nonzero u64",
    NonZero<u128> = "nonzero u128",
    NonZero<usize> = "nonzero usize",
    str = "text",
    String = "text",
    Bytes = "bytes",
    Path = "path",
    PathBuf = "path",
    Duration = "duration",
    SystemTime = "system time",
    IpAddr = "ip address",
    Ipv4Addr = "ipv4 address",
    Ipv6Addr = "ipv6 address",
    SocketAddr = "socket address",
    SocketAddrV4 = "ipv4 socket address",
    SocketAddrV6 = "ipv6 socket address",
}

impl<T: ?Sized> Schema for PhantomData<T> {
    fn describe(schema: &mut SchemaWriter) {
        schema.name("phantom");
    }
}

macro_rules! transparent {
    ($([$($generics:tt)*] $type:ty => $inner:ty;)*) => {$(
        impl<$($generics)*> Schema for $type {
            fn describe(schema: &mut SchemaWriter) {
                schema.transparent::<$inner>();
            }

            fn place() -> u64 {
                <$inner>::place()
            }
        }
    )*};
}

transparent! {
    [T: Schema + ?Sized] &T => T;
    [T: Schema + ?Sized] &mut T => T;
    [T: Schema + ?Sized] Box<T> => T;
    [T: Schema + ?Sized] Rc<T> => T;
    [T: Schema + ?Sized] Arc<T> => T;
    [T: Schema + ToOwned + ?Sized] Cow<'_, T> => T;
}

macro_rules! containers {
    ($([$($generics:tt)*] $type:ty = $name:literal of $($inner:ty),*;)*) => {$(
        impl<$($generics)*> Schema for $type {
            fn describe(schema: &mut SchemaWriter) {
                schema.name($name);
                $(schema.nested::<$inner>();)*
            }

            fn place() -> u64 {
                declared_at($name, 0, 0, &[$(<$inner>::place()),*])
            }
        }
    )*};
}

containers! {
    [T: Schema] Option<T> = "option" of T;
    [T: Schema, E: Schema] Result<T, E> = "result" of T, E;
    [T: Schema] [T] = "list" of T;
    [T: Schema] Vec<T> = "list" of T;
    [T: Schema] VecDeque<T> = "deque" of T;
    [T: Schema] BTreeSet<T> = "ordered set" of T;
    [T: Schema, S] HashSet<T, S> = "set" of T;
    [K: Schema, V: Schema] BTreeMap<K, V> = "ordered map" of K, V;
    [K: Schema, V: Schema, S] HashMap<K, V, S> = "map" of K, V;
}

impl<T: Schema, const N: usize> Schema for [T; N] {
    fn describe(schema: &mut SchemaWriter) {
        schema.name("array");
        schema.length(N);
        schema.nested::<T>();
    }

    fn place() -> u64 {
        T::place()
    }
}

macro_rules! tuples {
    ($(($($type:ident)+))*) => {$(
        impl<$($type: Schema),+> Schema for ($($type,)+) {
            fn describe(schema: &mut SchemaWriter) {
                schema.name("tuple");
                $(schema.nested::<$type>();)+
            }

            fn place() -> u64 {
                declared_at("tuple", 0, 0, &[$($type::place()),+])
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
