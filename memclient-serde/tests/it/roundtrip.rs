//! What is stored is read back, and random bytes are read or refused, nothing else.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque},
    fmt::Debug,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::{Duration, SystemTime},
};

use memclient_serde::{CacheValue, Codec, Flags, Payload, Schema};
use proptest::prelude::*;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
struct Order {
    id: u64,
    lines: Vec<Line>,
    note: Option<String>,
    state: State,
    totals: BTreeMap<String, i64>,
    ratio: f64,
}

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
struct Line(String, u32, Option<()>);

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
enum State {
    Open,
    Paid(i128),
    Sent { to: String, parts: (u8, char) },
    Linked(Box<State>),
}

fn orders() -> impl Strategy<Value = Order> {
    let line = (any::<String>(), any::<u32>()).prop_map(|(name, count)| Line(name, count, None));
    let state = prop_oneof![
        Just(State::Open),
        any::<i128>().prop_map(State::Paid),
        (any::<String>(), any::<(u8, char)>()).prop_map(|(to, parts)| State::Sent { to, parts }),
    ]
    .prop_recursive(8, 8, 1, |inner| inner.prop_map(|state| State::Linked(Box::new(state))));
    (
        any::<u64>(),
        prop::collection::vec(line, 0..5),
        any::<Option<String>>(),
        state,
        prop::collection::btree_map(any::<String>(), any::<i64>(), 0..4),
        -1e300..1e300,
    )
        .prop_map(|(id, lines, note, state, totals, ratio)| Order {
            id,
            lines,
            note,
            state,
            totals,
            ratio,
        })
}

fn through<C: Codec, T: DeserializeOwned + Serialize>(value: &T) -> T {
    C::decode(&C::encode(value).unwrap()).unwrap()
}

proptest! {
    #[test]
    fn every_order_survives_every_codec(order in orders()) {
        #[cfg(feature = "bincode")]
        prop_assert_eq!(&through::<memclient_serde::Bincode, _>(&order), &order);
        #[cfg(feature = "json")]
        prop_assert_eq!(&through::<memclient_serde::Json, _>(&order), &order);
    }

    #[test]
    fn bounds_do_not_change_a_byte(order in orders()) {
        #[cfg(feature = "bincode")]
        {
            let plain = bincode::serde::encode_to_vec(&order, bincode::config::standard()).unwrap();
            prop_assert_eq!(&memclient_serde::Bincode::encode(&order).unwrap()[..], &plain[..]);
        }
        #[cfg(feature = "json")]
        {
            let plain = serde_json::to_vec(&order).unwrap();
            prop_assert_eq!(&memclient_serde::Json::encode(&order).unwrap()[..], &plain[..]);
        }
        let _ = order;
    }

    #[test]
    fn random_bytes_are_read_or_refused(bytes: Vec<u8>, bits: u32) {
        fn read<T: CacheValue>(payload: &Payload) {
            let _ = T::decode(payload);
        }
        let named = Flags::of(<memclient_serde::DefaultCodec as Codec>::FORMAT);
        for flags in [Flags::from_bits(bits), named, Flags::JSON, Flags::TEXT, Flags::INTEGER] {
            let payload = Payload::new(bytes.clone(), flags);
            let _ = payload.decoded();
            read::<String>(&payload);
            read::<i64>(&payload);
            read::<Vec<Vec<String>>>(&payload);
            read::<HashMap<String, Vec<()>>>(&payload);
            read::<(Option<SystemTime>, Duration, SocketAddr)>(&payload);
        }
        #[cfg(feature = "bincode")]
        let _ = memclient_serde::Bincode::decode::<Order>(&bytes);
        #[cfg(feature = "json")]
        let _ = memclient_serde::Json::decode::<Order>(&bytes);
    }

    #[test]
    fn integers_survive(a: i8, b: u64, c: i128, d: u128, e: usize) {
        check(a);
        check(b);
        check(c);
        check(d);
        check(e);
    }

    #[test]
    fn texts_and_bytes_survive(text: String, bytes: Vec<u8>) {
        check(Arc::<str>::from(&*text));
        check(Box::<[u8]>::from(&*bytes));
        check(text);
        check(bytes);
    }
}

#[track_caller]
#[expect(clippy::needless_pass_by_value, reason = "the table reads better")]
fn check<T: CacheValue + Debug + PartialEq>(value: T) {
    let stored = value.encode().unwrap();
    assert_eq!(stored.flags, Flags::of(stored.flags.format()), "no bits but the format's");
    assert_eq!(T::decode(&stored).unwrap(), value);
}

#[test]
fn standard_types_survive() {
    check(());
    check(true);
    check('ß');
    check(1.5_f32);
    check(Some(3_u8));
    check(None::<String>);
    check(Ok::<u8, String>(1));
    check(vec!["a".to_owned(), String::new()]);
    check(vec![vec![0_u8, 255]]);
    check(VecDeque::from([1_i16, -1]));
    check(BTreeSet::from([1, 2]));
    check(HashSet::from([1, 2]));
    check(HashMap::from([("a".to_owned(), vec![1]), ("b".to_owned(), vec![])]));
    check(BTreeMap::from([(1, 'x')]));
    check((1_u8, "a".to_owned(), [Some(1_u64); 3]));
    check(Duration::new(1, 5));
    check(SystemTime::UNIX_EPOCH + Duration::from_millis(1500));
    check("::1".parse::<IpAddr>().unwrap());
    check("10.0.0.1:80".parse::<SocketAddr>().unwrap());
    check(std::path::PathBuf::from("/tmp/a b"));
    check(Box::new(Arc::new(vec![1_u32])));
}

#[test]
fn a_pointer_is_stored_as_what_it_points_to() {
    fn same<A: CacheValue + Schema, B: CacheValue + Schema>(a: &A, b: &B) {
        assert_eq!(a.encode().unwrap(), b.encode().unwrap());
        let shapes =
            [memclient_serde::Fingerprint::of::<A>(), memclient_serde::Fingerprint::of::<B>()];
        assert_eq!(shapes[0], shapes[1]);
    }
    same(&Arc::new(7_u8), &7_u8);
    same(&Arc::new(Box::new(vec![1_u16])), &vec![1_u16]);
    same(&Arc::<str>::from("a"), &"a".to_owned());
    same(&Arc::<[u8]>::from(&b"a"[..]), &b"a".to_vec());
}
