//! A fingerprint is the same for ever for one shape, and another for another.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque},
    marker::PhantomData,
    num::NonZero,
    rc::Rc,
    sync::Arc,
    time::{Duration, SystemTime},
};

use memclient_serde::{Fingerprint, Format, Schema, SchemaWriter};

#[track_caller]
fn golden<T: Schema + ?Sized>(expected: &str) {
    assert_eq!(Fingerprint::of::<T>().to_string(), expected, "{}", std::any::type_name::<T>());
}

/// A struct with one field of each type, described as the derive describes it.
macro_rules! shape {
    ($type:ident = $name:literal { $($field:literal: $inner:ty),* } $($extra:ident($($argument:expr),*))*) => {
        struct $type;

        impl Schema for $type {
            fn describe(schema: &mut SchemaWriter) {
                schema.name($name);
                $(
                    schema.field($field);
                    schema.nested::<$inner>();
                )*
                $(schema.$extra($($argument),*);)*
            }
        }
    };
}

shape! { Point = "Point" { "x": i32, "y": i32 } }
shape! { Renamed = "Point" { "x": i32, "z": i32 } }
shape! { Retyped = "Point" { "x": i32, "y": i64 } }
shape! { Swapped = "Point" { "y": i32, "x": i32 } }
shape! { Shorter = "Point" { "x": i32 } }
shape! { OtherName = "Dot" { "x": i32, "y": i32 } }
shape! { Versioned = "Point" { "x": i32, "y": i32 } version(2) }
shape! { InJson = "Point" { "x": i32, "y": i32 } format(Format::Json) }
shape! { Attributed = "Point" { "x": i32, "y": i32 } attribute("rename_all = \"camelCase\"") }
shape! { Line = "Line" { "from": Point, "to": Point } }
shape! { NewLine = "Line" { "from": Point, "to": Retyped } }
shape! { Joined = "ab" { "c": u8 } }
shape! { Split = "a" { "bc": u8 } }
shape! { Node = "Node" { "value": u8, "next": Option<Box<Node>> } }
shape! { ArcNode = "Node" { "value": u8, "next": Option<Arc<Box<ArcNode>>> } }
shape! { WideNode = "Node" { "value": u16, "next": Option<Box<WideNode>> } }
shape! { Even = "Even" { "next": Odd } }
shape! { Odd = "Odd" { "next": Vec<Even>, "last": Odd } }
shape! { Twice = "Twice" { "a": Point, "b": Point, "c": Point } }
shape! { TwiceBoxed = "Twice" { "a": Box<Point>, "b": Point, "c": Arc<Box<Point>> } }
shape! { TwiceLater = "Twice" { "a": Point, "b": Box<Point>, "c": Box<Point> } }

fn all() -> Vec<(&'static str, Fingerprint)> {
    macro_rules! of {
        ($($type:ty),* $(,)?) => {
            vec![$((stringify!($type), Fingerprint::of::<$type>())),*]
        };
    }
    of![
        (), bool, char, f32, f64, i8, i16, i32, i64, i128, isize, u8, u16, u32, u64, u128, usize,
        NonZero<u8>, String, bytes::Bytes, std::path::PathBuf, Duration, SystemTime,
        std::net::IpAddr, std::net::Ipv4Addr, std::net::Ipv6Addr, std::net::SocketAddr,
        std::net::SocketAddrV4, std::net::SocketAddrV6, PhantomData<u8>, Option<u8>,
        Option<Option<u8>>, Result<u8, u16>, Result<u16, u8>, Vec<u8>, Vec<Vec<u8>>, VecDeque<u8>,
        [u8; 2], [u8; 3], BTreeSet<u8>, HashSet<u8>, BTreeMap<u8, u16>, BTreeMap<u16, u8>,
        HashMap<u8, u16>, NonZero<i8>, NonZero<i16>, NonZero<i32>, NonZero<i64>, NonZero<i128>,
        NonZero<isize>, NonZero<u16>, NonZero<u32>, NonZero<u64>, NonZero<u128>, NonZero<usize>,
        (u8,), (u8, u16), (u16, u8), ((u8, u16), u8), (u8, (u16, u8)),
        (u8, u16, u8), Point, Renamed, Retyped, Swapped, Shorter, OtherName, Versioned, InJson,
        Attributed, Line, NewLine, Joined, Split, Node, WideNode, Even, Odd, Twice,
    ]
}

#[test]
fn different_shapes_have_different_fingerprints() {
    let all = all();
    for (i, (name, fingerprint)) in all.iter().enumerate() {
        for (other, second) in &all[..i] {
            assert_ne!(fingerprint, second, "{name} and {other}");
            assert_ne!(fingerprint.to_string(), second.to_string(), "{name} and {other}");
        }
    }
}

#[test]
fn what_leaves_no_trace_in_the_bytes_leaves_none_in_the_fingerprint() {
    #[track_caller]
    fn same<A: Schema + ?Sized, B: Schema + ?Sized>() {
        assert_eq!(Fingerprint::of::<A>(), Fingerprint::of::<B>());
    }
    same::<Box<Rc<Arc<&str>>>, String>();
    same::<Cow<'static, [u8]>, Vec<u8>>();
    same::<HashMap<u8, Box<u8>, ()>, HashMap<u8, u8>>();
    same::<Node, ArcNode>();
    same::<Box<Node>, ArcNode>();
    same::<Vec<Arc<Box<Node>>>, Vec<Node>>();
    same::<Twice, TwiceBoxed>();
    same::<Twice, TwiceLater>();
}

#[test]
fn a_family_of_types_that_all_mention_each_other_is_walked_once() {
    macro_rules! family {
        ($all:tt: $($type:ident)*) => {$( family! { @one $type $all } )*};
        (@one $type:ident ($($other:ident)*)) => {
            struct $type;
            impl Schema for $type {
                fn describe(schema: &mut SchemaWriter) {
                    schema.name(stringify!($type));
                    $(schema.nested::<$other>();)*
                }
            }
        };
    }
    family! { (A B C D E F G H I J K L M N O P Q R S T):
    A B C D E F G H I J K L M N O P Q R S T }
    assert_ne!(Fingerprint::of::<A>(), Fingerprint::of::<T>());
}

#[test]
fn fingerprints_stay_what_they_are() {
    golden::<u64>("nttes2v3");
    golden::<str>("y4bar2wz");
    golden::<Option<Vec<String>>>("gxbpz2sp");
    golden::<HashMap<String, (u8, [i16; 4])>>("lkv3z5tg");
    golden::<Point>("lwlutaxb");
    golden::<Versioned>("ampnpfcj");
    golden::<InJson>("4jwzxvsa");
    golden::<Node>("u7dphl5f");
    golden::<Even>("uicvdecn");
    let line = |(name, fingerprint): (&str, Fingerprint)| format!("{fingerprint} {name}");
    let all: Vec<_> = all().into_iter().map(line).collect();
    let expected: Vec<_> = include_str!("cases/fingerprints.txt").lines().collect();
    assert_eq!(all.join("\n"), expected.join("\n"));
}
