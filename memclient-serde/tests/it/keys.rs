//! A key says what it stands for, stands for one thing only, and stays what it is.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    marker::PhantomData,
    net::{IpAddr, SocketAddr, SocketAddrV6},
    num::NonZero,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use memclient_serde::{CacheKey, KeyWriter};
use proptest::{prelude::*, sample::select};

fn key<K: CacheKey + ?Sized>(part: &K) -> String {
    limited(250, part)
}

fn limited<K: CacheKey + ?Sized>(limit: usize, part: &K) -> String {
    let mut key = KeyWriter::new(limit);
    key.raw("k");
    key.part(part);
    key.finish().to_string()
}

/// A type of its own, written as the derive writes it.
#[derive(Clone, Debug, PartialEq)]
enum Color {
    Red,
    Rgb(u8, u8),
    Named { name: String },
}

impl CacheKey for Color {
    fn write_key(&self, key: &mut KeyWriter) {
        match self {
            Self::Red => key.variant("Red"),
            Self::Rgb(a, b) => {
                key.variant("Rgb");
                let mut fields = key.tuple();
                fields.item(a);
                fields.item(b);
                fields.finish();
            }
            Self::Named { name } => {
                key.variant("Named");
                let mut fields = key.tuple();
                fields.item(name);
                fields.finish();
            }
        }
    }
}

#[test]
fn keys_stay_what_they_are() {
    let since_1970 = |seconds, nanos| SystemTime::UNIX_EPOCH + Duration::new(seconds, nanos);
    let scoped = SocketAddrV6::new("fe80::1".parse().unwrap(), 80, 7, 3);
    let written = [
        key("plain-text_1.0/x"),
        key("a b:c,d"),
        key("straße"),
        key("line\r\nbreak\0"),
        key("'#%~+=()[]{}"),
        key(""),
        key(&'x'),
        key(&' '),
        key(&-7_i8),
        key(&u128::MAX),
        key(&NonZero::new(3_u8).unwrap()),
        key(&true),
        key(&0.1_f64),
        key(&1.0_f32),
        key(&1e300_f64),
        key(&-0.0_f64),
        key(&-f64::NAN),
        key(&f64::INFINITY),
        key(&None::<u8>),
        key(&Some(7)),
        key(&Some(Some(""))),
        key(&Some(None::<u8>)),
        key(&Ok::<u8, u8>(1)),
        key(&Err::<u8, _>("no")),
        key(&()),
        key(&(1,)),
        key(&(1, "a", ('b', None::<u8>))),
        key(&[1_u16, 2]),
        key(&["", "a"]),
        key(&Vec::<String>::new()),
        key(&vec![vec![1_i32], vec![]]),
        key(&b"abc"),
        key(&vec![0_u8, 255]),
        key(&[0_u8; 0]),
        key(&Bytes::from_static(b"a:b")),
        key(&VecDeque::from([1, 2])),
        key(&BTreeSet::from(["b", "a"])),
        key(&BTreeMap::from([("b", 2), ("a=", 1)])),
        key(&Duration::from_millis(1500)),
        key(&Duration::from_secs(60)),
        key(&Duration::from_nanos(1)),
        key(&since_1970(1, 0)),
        key(&(SystemTime::UNIX_EPOCH - Duration::from_millis(500))),
        key(&"10.0.0.1".parse::<IpAddr>().unwrap()),
        key(&"::1".parse::<IpAddr>().unwrap()),
        key(&"10.0.0.1:80".parse::<SocketAddr>().unwrap()),
        key(&"[::1]:80".parse::<SocketAddr>().unwrap()),
        key(&scoped),
        key(Path::new("/etc/a b")),
        key(&PhantomData::<u8>),
        key(&(PhantomData::<u8>, 1)),
        key(&Color::Red),
        key(&Color::Rgb(1, 2)),
        key(&Color::Named { name: "x,y".into() }),
        key(&"long ".repeat(100)),
        limited(40, &[1_u32; 100]),
    ];
    let expected: Vec<_> = include_str!("cases/keys.txt").lines().collect();
    assert_eq!(written.join("\n"), expected.join("\n"));
}

#[test]
fn pointers_and_borrowed_forms_write_what_they_point_to() {
    let owned = "a b".to_owned();
    assert_eq!(key(&Box::new(std::sync::Arc::new(&owned))), key("a b"));
    assert_eq!(key(&std::borrow::Cow::Borrowed("a b")), key("a b"));
    assert_eq!(key(&vec![1_u8, 2]), key(&[1_u8, 2][..]));
    assert_eq!(key(&vec!["x"]), key(&["x"]));
    let dynamic: &dyn CacheKey = &7;
    assert_eq!(key(dynamic), key(&7));
}

#[test]
fn a_value_that_writes_nothing_still_counts_in_a_list() {
    let nothing = PhantomData::<u8>;
    let lists = [vec![], vec![nothing], vec![nothing; 2]].map(|list| key(&list));
    assert_eq!(lists, ["k:[]", "k:['']", "k:['','']"]);
}

#[test]
fn a_number_and_the_text_of_it_are_kept_apart_by_their_type_alone() {
    // The type of a position never changes under one head, so this is no collision.
    assert_eq!(key(&1), key("1"));
}

#[test]
fn a_hashed_key_has_a_readable_head_and_never_meets_a_plain_one() {
    let long = limited(60, &"abc ".repeat(30));
    assert_eq!(long.len(), 60);
    assert!(long.starts_with("k:abc%20abc%20abc%20"), "{long}");
    let tail = long.strip_prefix("k:").unwrap();
    assert_ne!(limited(250, tail), long);
    assert_eq!(long.bytes().filter(|&byte| byte == b'#').count(), 1);
}

type Arguments =
    (String, Vec<Option<String>>, (i8, bool, Vec<u8>), BTreeMap<String, Vec<String>>, Vec<Color>);

/// Few letters and all the signs: what collides, collides here.
fn text() -> impl Strategy<Value = String> {
    let letters = vec!["a", "'", ":", ",", "(", ")", "[", "]", "~", "+", "=", "#", "%", "2", "C"];
    prop::collection::vec(select(letters), 0..3).prop_map(|letters| letters.concat())
}

fn color() -> impl Strategy<Value = Color> {
    prop_oneof![
        Just(Color::Red),
        (0..2_u8, 0..2_u8).prop_map(|(a, b)| Color::Rgb(a, b)),
        text().prop_map(|name| Color::Named { name }),
    ]
}

fn arguments() -> impl Strategy<Value = Arguments> {
    (
        text(),
        prop::collection::vec(prop::option::of(text()), 0..3),
        (-1..2_i8, any::<bool>(), prop::collection::vec(select(vec![0_u8, b'a', b'\'']), 0..2)),
        prop::collection::btree_map(text(), prop::collection::vec(text(), 0..2), 0..2),
        prop::collection::vec(color(), 0..2),
    )
}

fn write(limit: usize, arguments: &Arguments) -> String {
    let mut key = KeyWriter::new(limit);
    key.raw("ns:f");
    key.part(&arguments.0);
    key.part(&arguments.1);
    key.part(&arguments.2);
    key.part(&arguments.3);
    key.part(&arguments.4);
    key.finish().to_string()
}

/// One value of each type that [`arguments`] lacks, of few values each, so that many are alike.
type Others = (
    (char, u128, NonZero<i16>, Result<String, u8>, [bool; 2]),
    (f32, Duration, SystemTime, IpAddr, SocketAddr),
    (PathBuf, Bytes, VecDeque<u8>, BTreeSet<String>, Option<Option<u8>>),
    (Box<[String]>, Vec<(u8, String)>, Vec<Vec<u8>>, (), Vec<PhantomData<u8>>),
);

fn others() -> impl Strategy<Value = Others> {
    let nanos = || select(vec![0, 1, 10, 500_000_000, 1_000_000_000, 10_000_000_000]);
    let ip = || select(vec!["::", "::1", "::ffff:1.2.3.4", "1.2.3.4", "1.2.3.41"]);
    let scoped = |(scope, flow)| SocketAddrV6::new("::1".parse().unwrap(), 80, flow, scope).into();
    let address = prop_oneof![
        (ip(), select(vec![8, 80]))
            .prop_map(|(ip, port)| (ip.parse::<IpAddr>().unwrap(), port).into()),
        (0..2_u32, 0..2_u32).prop_map(scoped),
    ];
    (
        (
            select(vec!['a', '\'', '%', ' ', 'é']),
            select(vec![0, 1, 10, u128::MAX]),
            select(vec![-1, 1, 11]).prop_map(|number| NonZero::new(number).unwrap()),
            prop_oneof![text().prop_map(Ok), (0..2_u8).prop_map(Err)],
            any::<[bool; 2]>(),
        ),
        (
            select(vec![0.0, -0.0, 1.0, 10.0, 1e10, f32::INFINITY]),
            nanos().prop_map(Duration::from_nanos),
            (any::<bool>(), nanos()).prop_map(|(before, nanos)| {
                let since = Duration::from_nanos(nanos);
                let epoch = SystemTime::UNIX_EPOCH;
                if before { epoch - since } else { epoch + since }
            }),
            ip().prop_map(|ip| ip.parse().unwrap()),
            address,
        ),
        (
            text().prop_map(PathBuf::from),
            prop::collection::vec(select(b"a'0\0".to_vec()), 0..3).prop_map(Bytes::from),
            prop::collection::vec_deque(0..2_u8, 0..3),
            prop::collection::btree_set(text(), 0..3),
            prop::option::of(prop::option::of(0..2_u8)),
        ),
        (
            prop::collection::vec(text(), 0..3).prop_map(Vec::into_boxed_slice),
            prop::collection::vec((0..2_u8, text()), 0..2),
            prop::collection::vec(prop::collection::vec(select(b",'a\0".to_vec()), 0..2), 0..3),
            Just(()),
            prop::collection::vec(Just(PhantomData), 0..3),
        ),
    )
}

/// Compares by bits, as keys do: zero has a sign there.
fn same(a: &Others, b: &Others) -> bool {
    a == b && a.1.0.to_bits() == b.1.0.to_bits()
}

fn write_others(limit: usize, arguments: &Others) -> String {
    let mut key = KeyWriter::new(limit);
    key.raw("ns:f");
    key.part(&arguments.0);
    key.part(&arguments.1.0);
    key.part(&arguments.1.1);
    key.part(&arguments.1.2);
    key.part(&arguments.1.3);
    key.part(&arguments.1.4);
    key.part(&arguments.2.0);
    key.part(&arguments.2.1);
    key.part(&arguments.2.2);
    key.part(&arguments.2.3);
    key.part(&arguments.2.4);
    key.part(&arguments.3);
    key.finish().to_string()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn different_arguments_of_the_other_types_never_share_a_key(
        all in prop::collection::vec(others(), 2..20),
        mut near in others(),
        part in 0..16,
        other in others(),
    ) {
        for limit in [250, 100, 40] {
            for (i, a) in all.iter().enumerate() {
                for b in &all[..i] {
                    let alike = write_others(limit, a) == write_others(limit, b);
                    prop_assert_eq!(alike, same(a, b), "{:?} {:?}", a, b);
                }
            }
        }
        // Two that differ in one part only.
        let before = near.clone();
        match part {
            0 => near.0 = other.0,
            1 => near.1.0 = other.1.0,
            2 => near.1.1 = other.1.1,
            3 => near.1.2 = other.1.2,
            4 => near.1.3 = other.1.3,
            5 => near.1.4 = other.1.4,
            6 => near.2.0 = other.2.0,
            7 => near.2.1 = other.2.1,
            8 => near.2.2 = other.2.2,
            9 => near.2.3 = other.2.3,
            10 => near.2.4 = other.2.4,
            11 => near.3.0 = other.3.0,
            12 => near.3.1 = other.3.1,
            13 => near.3.2 = other.3.2,
            14 => near.3.4 = other.3.4,
            _ => near.1.0 = -near.1.0,
        }
        for limit in [250, 40] {
            let alike = write_others(limit, &near) == write_others(limit, &before);
            prop_assert_eq!(alike, same(&near, &before), "{:?} {:?}", near, before);
        }
    }

    #[test]
    fn what_is_behind_the_last_byte_of_a_hashed_key_counts(
        head in "[a-z]{0,300}",
        a in text(),
        b in text(),
        limit in select(vec![33, 40, 250]),
    ) {
        let written = |tail: &str| limited(limit, &(head.as_str(), tail, head.as_str()));
        prop_assert_eq!(written(&a) == written(&b), a == b);
    }

    #[test]
    fn different_arguments_never_share_a_key(all in prop::collection::vec(arguments(), 2..20)) {
        for limit in [250, 40] {
            for (i, a) in all.iter().enumerate() {
                for b in &all[..i] {
                    prop_assert_eq!(write(limit, a) == write(limit, b), a == b, "{:?} {:?}", a, b);
                }
            }
        }
    }

    #[test]
    fn different_texts_in_a_tuple_never_share_a_key(
        a in (text(), text(), text()),
        b in (text(), text(), text()),
    ) {
        prop_assert_eq!(key(&a) == key(&b), a == b);
        let (listed, other) = (vec![&a.0, &a.1, &a.2], vec![&b.0, &b.1]);
        prop_assert_ne!(key(&listed), key(&other));
    }

    #[test]
    fn every_key_is_one_printable_word_within_its_limit(
        text: String,
        bytes: Vec<u8>,
        floats: Vec<f64>,
        limit in 33..=250_usize,
    ) {
        let written = limited(limit, &(text.as_str(), bytes, floats, text.chars().next()));
        prop_assert!(written.len() <= limit);
        prop_assert!(written.bytes().all(|byte| byte.is_ascii_graphic()));
        let mut head = KeyWriter::new(limit);
        head.raw(&text);
        let head = head.finish();
        prop_assert!(head.as_bytes().len() <= limit);
        prop_assert!(head.as_bytes().iter().all(u8::is_ascii_graphic));
    }

    #[test]
    fn floats_share_a_key_only_when_they_are_one(a: f64, b: f64) {
        let same = a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan());
        prop_assert_eq!(key(&a) == key(&b), same);
    }

    #[test]
    fn times_share_a_key_only_when_they_are_one(a in 0..3_u64, b in 0..3_u64, x in 0..1_000_000_000_u32, y in 0..1_000_000_000_u32) {
        let (a, b) = (Duration::new(a, x), Duration::new(b, y));
        prop_assert_eq!(key(&a) == key(&b), a == b);
        let times = [SystemTime::UNIX_EPOCH + a, SystemTime::UNIX_EPOCH - b];
        prop_assert_eq!(key(&times[0]) == key(&times[1]), times[0] == times[1]);
    }
}
